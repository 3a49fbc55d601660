// Healthy once this member is the primary; makes it a replica set of one at its first start.
// Transactions need a replica set. Run by mongosh; fails by throwing.
const fs = require("fs");
db.getSiblingDB("admin").auth("root", fs.readFileSync("/run/secrets/mongo_root_password", "utf8").trim());
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] });
}
if (!db.hello().isWritablePrimary) throw new Error("not the primary (yet)");
