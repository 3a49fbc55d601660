// The role of the service: what role.json says, and nothing else. Made where it is not there, else brought up to
// date. It reads and adds, changes what changes, and removes only what is done with: events that are out, limits
// and controls, counters of a limit that is gone. The server knows no rights to single fields: what may be changed
// of a document may all be changed. Schema and indexes (one of which could let documents expire) are the owner's.
const path = process.env.TOLLGATE_ROLE || "/etc/tollgate/role.json";
const role = JSON.parse(require("fs").readFileSync(path, "utf8"));
const { createRole: roleName, ...rights } = role;
const roles = db.getSiblingDB("admin");
roles.runCommand(roles.getRole(roleName) ? { updateRole: roleName, ...rights } : role);
