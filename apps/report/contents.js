// The last part of a page: its contents, its scrolling tables for the keyboard, and what printing changes.
{
  const list = document.getElementById("contents");
  for (const heading of document.querySelectorAll("main section:not([hidden]) h2")) {
    const host = heading.closest("section");
    list.appendChild(element("li")).appendChild(element("a", heading.textContent)).href = "#" + host.id;
  }
  list.closest("nav").hidden = list.children.length < 2;
  // What scrolls sideways can be reached and named.
  for (const scroll of document.querySelectorAll(".scroll")) {
    const caption = scroll.querySelector("caption");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", caption ? caption.textContent : "scrolls sideways");
  }
  // Paper is white: the charts are drawn again in dark ink.
  window.addEventListener("beforeprint", () => { document.documentElement.classList.add("paper"); redrawAll(); });
  window.addEventListener("afterprint", () => { document.documentElement.classList.remove("paper"); redrawAll(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
}
