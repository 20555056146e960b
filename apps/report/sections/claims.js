// The claims and their verdicts, which the program worked out (claims.h).
section("claims", () => {
  const host = document.getElementById("claims");
  const measured = given.claims ? given.claims.filter(c => c.verdict !== "not measured") : [];
  const style = {supported: "ok", contradicted: "bad"};
  for (const c of measured) {
    const item = host.appendChild(element("li"));
    const title = item.appendChild(element("h3", c.claim + ": "));
    title.appendChild(element("span", c.verdict, style[c.verdict] || "open"));
    const list = item.appendChild(element("dl"));
    for (const [name, text] of [["Figure", c.figure], ["Size", c.size], ["Uncertainty", c.uncertainty], ["Reason", c.reason]]) {
      const row = list.appendChild(element("div"));
      row.appendChild(element("dt", name));
      row.appendChild(element("dd", text));
    }
  }
  const left = (given.claims || []).filter(c => c.verdict === "not measured");
  if (left.length && measured.length)
    host.after(element("p", "Not measured in these runs. " + left.map(c => `${c.claim}: ${c.reason}`).join(" ")));
  if (!measured.length) host.replaceWith(element("p", "Not measured in these runs.", "missing"));
});
