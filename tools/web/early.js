// An instrument of a lesson in JupyterLite before its cell has run, and so before there is any Python: it shows the
// frames of the lesson's page. The cell, when it runs, puts the live instrument in its place.
const SITE = location.href.replace(/\/lite\/.*/, '/');
const lesson = import(new URL('static/lesson.js', SITE)).catch(() => null); // at once: the notebook is yet to come
const STILL = 'The figure comes when this cell has run: click into it and press Shift+Enter.';
const EARLY = `Computed when this site was built, while Python loads. It moves one control at a time. When you run this cell
  (Shift+Enter), everything moves.`;

/** Show the instrument of a `call` in the file `frames`, as the `page` names it. */
export async function early(element, { page, frames, call }) {
  const said = document.createElement('p');
  said.style = 'color: var(--td-muted); font-size: 13px; margin: 4px 0';
  try {
    const { Baked, read } = await lesson;
    const host = new Baked(await read(new URL(frames, new URL(page, SITE))), call, '', ({ start }) => start);
    const absent = { last: true, problem: 'Not before this cell has run: press Reset, or run it (Shift+Enter).' };
    Object.assign(host, { absent, link: null });
    host.show(element);
    said.textContent = EARLY;
  } catch {
    said.textContent = STILL; // this notebook is elsewhere now
  }
  element.append(said);
}
