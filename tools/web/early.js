// An instrument of a lesson in JupyterLite before its cell has run, and so before there is any Python: it shows the
// frames of the lesson's page. The cell, when it runs, puts the live instrument in its place.
const STILL = 'The figure comes when this cell has run: click into it and press Shift+Enter.';
const EARLY = `Computed when this site was built. It moves one control at a time, until you run this cell: click into it and
  press Shift+Enter.`;

async function render({ model, el }) {
  const said = document.createElement('p');
  said.className = 'td-early';
  try {
    const page = new URL(model.get('page'), location.href.replace(/\/lite\/.*/, '/'));
    const { Baked, read } = await import(new URL('../static/lesson.js', page));
    const host = new Baked(await read(new URL(model.get('frames'), page)), model.get('call'), '', ({ start }) => start);
    const absent = { last: true, problem: 'Not before this cell has run: press Reset, or Shift+Enter.' };
    Object.assign(host, { absent, link: null });
    host.show(el);
    said.textContent = EARLY;
  } catch {
    said.textContent = STILL; // this notebook is elsewhere now
  }
  el.append(said);
}

export default { render };
