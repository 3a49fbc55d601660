// The service's own user, made once when the volume is new. It reads and writes its database, and may
// look at the server's parameters (the service checks transactionLifetimeLimitSeconds at its start).
const fs = require("fs");
db.getSiblingDB("tollgate").createUser({
  user: "tollgate",
  pwd: fs.readFileSync("/run/secrets/mongo_password", "utf8").trim(),
  roles: [
    { role: "readWrite", db: "tollgate" },
    { role: "dbAdmin", db: "tollgate" },
    { role: "clusterMonitor", db: "admin" },
  ],
});
