"use strict";
// Writes the still pictures of the figures, which stand in the page without JavaScript and in print:  node apps/course/stills.js
// With --check it writes nothing and fails if a file is not what the figures draw today.
const fs = require("fs"), path = require("path");
const {stillPictures} = require("./figures.js");

const isCheck = process.argv.includes("--check");
let stale = 0;
for (const [name, draw] of Object.entries(stillPictures)) {
  const file = path.join(__dirname, "stills", `${name}.html`), html = draw().replace(/(<\/svg>|<\/tr>|<\/p>|<\/div>)/g, "$1\n").trimEnd() + "\n";
  const old = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  if (!isCheck) fs.writeFileSync(file, html);
  else if (old !== html) console.log(`${file} is not what its figure draws; run node apps/course/stills.js`), ++stale;
}
process.exit(stale > 0 ? 1 : 0);
