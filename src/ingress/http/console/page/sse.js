// Server-Sent Events out of the text of a stream. The browser's own reader (EventSource) sends no key.

// No event of the service comes near: what is longer is not its stream.
const LINE_MAX = 1_000_000;

/** Takes a stream piece by piece, and gives each event once it is whole. */
export class Reader {
  #rest = '';
  #event = { data: [] };

  /**
   * The events that end in this piece: `{id, type, data}`; `id` is absent where the event has none. One with
   * empty `data` tells nothing: its `id` is where to go on from.
   */
  take(piece) {
    const text = this.#rest + piece;
    // The second half of a line end may come with the next piece.
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + text.slice(whole.length);
    if (this.#rest.length > LINE_MAX) {
      throw new Error('a line of the stream does not end');
    }
    return lines.map((line) => this.#line(line)).filter((event) => event !== null);
  }

  #line(line) {
    if (line === '') {
      const { id, type = 'message', data } = this.#event;
      this.#event = { data: [] };
      return data.length > 0 || type === 'gap' || id !== undefined ? { id, type, data: data.join('\n') } : null;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === 'data') {
      this.#event.data.push(value);
    } else if (field === 'event') {
      this.#event.type = value;
    } else if (field === 'id' && !value.includes('\0')) {
      this.#event.id = value;
    }
    return null; // a comment has no field: it says that the stream lives
  }
}
