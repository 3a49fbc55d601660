// Every route that the page asks, as the OpenAPI document names it. A test looks each up there.

export const ROUTES = {
  health: ['GET', '/health'],
  profile: ['GET', '/api/v1/profile'],
  events: ['GET', '/api/v1/events'],
  authorizations: ['GET', '/api/v1/authorizations'],
  authorization: ['GET', '/api/v1/authorizations/{id}'],
  letters: ['GET', '/api/v1/dead-letters'],
  letter: ['GET', '/api/v1/dead-letters/{id}'],
  redriveLetter: ['POST', '/api/v1/dead-letters/{id}/redrive'],
  discardLetter: ['POST', '/api/v1/dead-letters/{id}/discard'],
  redriveLetters: ['POST', '/api/v1/dead-letters/redrive'],
};
