// The theme: the system's, until the reader chooses one. `data-jp-theme-light` is how JupyterLab says it.
const dark = matchMedia("(prefers-color-scheme: dark)");

function show() {
  const chosen = localStorage.getItem("theme");
  const light = chosen ? chosen === "light" : !dark.matches;
  document.body.dataset.jpThemeLight = light;
  document.getElementById("theme").textContent = light ? "Dark" : "Light";
}

// Only what really scrolls sideways is worth a stop of the Tab key.
function reachable() {
  for (const box of document.querySelectorAll(".td-figure, .table, .output, math[display=block]")) {
    box.toggleAttribute("tabindex", false);
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    localStorage.setItem("theme", document.body.dataset.jpThemeLight === "true" ? "dark" : "light");
    show();
  });
  dark.addEventListener("change", show);
  show();
  reachable();
});
addEventListener("resize", reachable);

// On paper every block of the text is open. (An instrument's controls are not on paper.)
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("main details:not([open], .td-more)")];
  for (const block of closed) block.open = true;
});
addEventListener("afterprint", () => {
  for (const block of closed) block.open = false;
});
