// The first figure of a lesson before there is JupyterLab, which needs seconds until a notebook is seen: in a room of
// its own, in front of all that loads. A hand that has touched it is not disturbed: then a button, or Escape, leads
// to the lesson, where the figure stands as it was left (early.js).
import { early } from './early.js';

const LOADS = 'The lesson is loading. Its first figure is here already: move it.';
const THERE = 'The lesson is there.', LEAVE = 'Go to the lesson';
const WORDS = 'Computed when this site was built. It moves one control at a time. In the lesson, with Python, everything moves.';
const SEEN = '.jp-Notebook .jp-RenderedMarkdown > *', DIALOG = '.jp-Dialog';

/** Resolves when the page has an element. */
const there = selector => new Promise(resolve => {
  const look = () => document.querySelector(selector) && resolve(watch.disconnect());
  const watch = new MutationObserver(look);
  watch.observe(document.body, { childList: true, subtree: true });
  look();
});

/** JupyterLab's menus are those of the notebook that has the keyboard, which it could not get behind the room. */
function activate(path) {
  const { shell } = window.jupyterapp ?? {};
  const notebook = [...shell?.widgets('main') ?? []].find(({ context }) => context?.path === path);
  if (notebook) shell.activateById(notebook.id);
}

async function show({ title, ...figure }) {
  const room = document.createElement('dialog'), place = document.createElement('div');
  const said = Object.assign(document.createElement('p'), { textContent: LOADS });
  said.setAttribute('role', 'status');
  room.id = 'trainable-depth-first';
  room.append(Object.assign(document.createElement('h1'), { textContent: title }), said, place);
  document.body.append(room);
  room.showModal(); // what comes behind it cannot take the keyboard away
  let touched = false;
  for (const touch of ['pointerdown', 'keydown']) room.addEventListener(touch, () => { touched = true; });
  const view = await early(place, figure, WORDS);
  room.addEventListener('close', () => {
    view?.remove();
    room.remove();
    activate(path);
  });
  there(DIALOG).then(() => room.close()); // JupyterLab has a question
  await there(SEEN);
  if (!touched) return room.close();
  const leave = Object.assign(document.createElement('button'), { type: 'button', textContent: LEAVE });
  leave.addEventListener('click', () => room.close());
  said.replaceChildren(THERE, ' ', leave);
}

const figures = JSON.parse(document.getElementById('trainable-depth-figures').textContent);
const path = new URLSearchParams(location.search).get('path');
if (figures[path]) show(figures[path]);
