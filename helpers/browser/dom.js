// What every module here writes a page with.

const KEYS = 'button, input, select, summary, textarea, [tabindex]';
let count = 0;

/** A name that is unique on the page: two notebooks share one. */
export const unique = () => `td-${(count += 1)}-${Math.random().toString(36).slice(2, 8)}`;

/** An element with attributes (a function is a listener, `html` what stands inside) and children. */
export function make(tag, { html = '', ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === 'button') element.type = 'button';
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  }
  element.innerHTML = html;
  element.append(...children);
  // What has the keyboard must say itself that JupyterLab's own shortcuts keep out.
  for (const one of [element, ...element.querySelectorAll(KEYS)]) {
    if (one.matches(KEYS)) one.setAttribute('data-lm-suppress-shortcuts', 'true');
  }
  return element;
}

/** Write only what is new: a screen reader speaks what changes. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Write HTML, unless it stands there already. */
export function fill(element, html) {
  if (element.written !== html) element.innerHTML = element.written = html;
}

/** A card: words, and how it looks. */
export const card = ([look, html]) => `<div class="td-card td-${look}">${html}</div>`;

/** Make a button one that is on or off: `attribute` says which, act(on) does it. */
export function toggle(button, attribute, act) {
  button.setAttribute(attribute, 'false');
  button.addEventListener('click', () => {
    const on = button.getAttribute(attribute) !== 'true';
    button.setAttribute(attribute, on);
    act(on);
  });
  return button;
}
