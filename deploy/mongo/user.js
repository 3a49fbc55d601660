// The two users, made once when the volume is new. The instances are `tollgate`, whose role (role.js) removes no
// decision and changes no schema. `tollgate migrate` is `tollgate_owner`: it makes collections and indexes, and
// brings the rules for collections up to date (collMod). Both may look at the server's parameters (the service
// checks transactionLifetimeLimitSeconds at its start).
load("/etc/tollgate/role.js");
const fs = require("fs");
const own = db.getSiblingDB("tollgate");
const password = (name) => fs.readFileSync("/run/secrets/" + name, "utf8").trim();
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
  user: "tollgate_owner",
  pwd: password("mongo_owner_password"),
  roles: [
    { role: "readWrite", db: "tollgate" },
    { role: "tollgateSchema", db: "tollgate" },
    { role: "tollgateParameters", db: "admin" },
  ],
});
own.createUser({
  user: "tollgate",
  pwd: password("mongo_password"),
  roles: [{ role: "tollgateService", db: "admin" }],
});
