// An instrument of a lesson in JupyterLite before its cell has run, and so before there is any Python: it shows the
// frames of the lesson's page. The cell, when it runs, puts the live instrument in its place, which goes on where
// this one was left.
const SITE = location.href.replace(/\/lite\/.*/, '/');
const lesson = import(new URL('static/lesson.js', SITE)).catch(() => null); // at once: the notebook is yet to come
const STILL = 'The figure comes when this cell has run: click into it and press Shift+Enter.';
const EARLY = `Computed when this site was built, while Python loads. It moves one control at a time. When you run this cell
  (Shift+Enter), everything moves.`;
const ABSENT = { last: true, problem: 'Not before this cell has run: press Reset, or run it (Shift+Enter).' };

const files = new Map(), hosts = new Map(); // each is read once, and a figure may be seen at two places

/** What is under this name, or else is made now. */
function once(all, name, start) {
  if (!all.has(name)) all.set(name, start());
  return all.get(name);
}

async function open(address, page, call) {
  const { Baked, callOf, early, read } = await lesson;
  const host = new Baked(await once(files, address, () => read(address)), call, '', ({ start }) => start);
  Object.assign(host, { absent: ABSENT, link: null });
  early.set(callOf(page, host.about), host.instrument);
  return host;
}

/** Show the instrument of a `call` in the file `frames`, as the `page` names it; returns its View if there is one. */
export async function early(element, { page, frames, call }, words = EARLY) {
  const said = document.createElement('p');
  said.style = 'color: var(--td-muted); font-size: 13px; margin: 4px 0';
  let view;
  try {
    const address = new URL(frames, new URL(page, SITE)).href;
    const host = await once(hosts, `${page} ${call}`, () => open(address, page, call));
    view = host.show(element);
    said.textContent = words;
  } catch {
    said.textContent = STILL; // this notebook is elsewhere now
  }
  element.append(said);
  return view;
}
