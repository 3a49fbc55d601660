// The service's own user, made once when the volume is new. It reads and writes its database, brings the rules
// for its collections up to date (collMod), and may look at the server's parameters (the service checks
// transactionLifetimeLimitSeconds at its start). Nothing else: no other database, no profiler, no users.
const fs = require("fs");
const own = db.getSiblingDB("tollgate");
db.getSiblingDB("admin").createRole({
  role: "tollgateParameters",
  privileges: [{ resource: { cluster: true }, actions: ["getParameter"] }],
  roles: [],
});
own.createRole({
  role: "tollgateSchema",
  privileges: [{ resource: { db: "tollgate", collection: "" }, actions: ["collMod"] }],
  roles: [],
});
own.createUser({
  user: "tollgate",
  pwd: fs.readFileSync("/run/secrets/mongo_password", "utf8").trim(),
  roles: [
    { role: "readWrite", db: "tollgate" },
    { role: "tollgateSchema", db: "tollgate" },
    { role: "tollgateParameters", db: "admin" },
  ],
});
