// The ladder in a notebook: lines to put in order, and gaps to fill, by mouse and by keyboard. What was put together is
// sent to Python, which runs it and answers with words; nothing is judged here. See ladder.py.

const make = (tag, look, words = '', more = {}) => Object.assign(document.createElement(tag), { className: look, textContent: words, ...more });

/** A line that can be moved and left out. */
function row([depth, text], number, moved) {
  const line = Object.assign(document.createElement('li'), { className: 'td-line', draggable: true });
  const code = make('pre', '', text);
  code.style.marginLeft = `${2 * depth}em`;
  line.dataset.number = number;
  const buttons = [['↑', 'Up'], ['↓', 'Down'], ['✕', 'Leave out']].map(([sign, words]) => {
    const button = make('button', 'td-chip', sign, { title: words });
    button.setAttribute('aria-label', `${words}: ${text}`);
    return button;
  });
  const [up, down, out] = buttons;
  const move = step => {
    const other = step < 0 ? line.previousElementSibling : line.nextElementSibling;
    if (!other) return;
    const { activeElement } = document;
    other[step < 0 ? 'before' : 'after'](line);
    activeElement.focus(); // it is lost on the way
    moved(line);
  };
  up.onclick = () => move(-1);
  down.onclick = () => move(1);
  out.setAttribute('aria-pressed', 'false');
  out.onclick = () => out.setAttribute('aria-pressed', line.classList.toggle('td-out'));
  line.onkeydown = event => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    move(step);
  };
  line.ondragstart = event => {
    event.dataTransfer.setData('text/plain', text);
    line.parentElement.carried = line;
  };
  line.ondragover = event => {
    const { carried } = line.parentElement;
    if (!carried) return;
    event.preventDefault();
    const { top, height } = line.getBoundingClientRect();
    if (carried !== line) line[event.clientY < top + height / 2 ? 'before' : 'after'](carried);
  };
  line.ondragend = () => {
    line.parentElement.carried = null;
    moved(line);
  };
  line.append(...buttons, code);
  return line;
}

export default {
  render({ model, el }) {
    const { title, steps, head, lines, pieces, gaps, last } = model.get('_about');
    const box = make('div', 'td-ask td-ladder');
    const tabs = steps.map((words, step) => make('button', 'td-chip', `${step + 1} · ${words}`, { onclick: () => open(step) }));
    const [bar, order, code, own, status] = ['td-row', 'td-step', 'td-step', 'td-step', ''].map(look => make('div', look));
    status.setAttribute('role', 'status');
    const place = make('div', 'td-hidden');
    place.setAttribute('aria-live', 'polite');
    bar.append(...tabs);

    const list = make('ol', 'td-lines');
    const moved = line => {
      place.textContent = `Now line ${[...list.children].indexOf(line) + 1} of ${list.children.length}`;
    };
    list.append(...lines.map((line, number) => row(line, number, moved)));
    order.append(make('div', '', 'One or two lines are wrong: leave them out. ↑ and ↓ move a line, as arrow keys and the mouse do.'),
      make('pre', '', head), list);

    const text = make('pre', '');
    const fields = gaps.map((width, i) => {
      const field = Object.assign(document.createElement('input'), { size: Math.max(width, 4), autocomplete: 'off', spellcheck: false });
      field.setAttribute('aria-label', `Gap ${i + 1} of ${gaps.length}`);
      field.onkeydown = event => { if (event.key === 'Enter') check(); };
      return field;
    });
    const left = [...fields];
    text.append(...pieces.map(piece => piece ?? left.shift()));
    code.append(text);
    own.innerHTML = last;

    const button = make('button', 'td-commit', 'Check', { onclick: () => check() });
    box.append(make('b', '', title), bar, order, code, own, button, status, place);
    // What has the keyboard must say itself that JupyterLab's own shortcuts keep out.
    for (const one of box.querySelectorAll('button, input')) one.setAttribute('data-lm-suppress-shortcuts', 'true');

    let at;
    function open(step) {
      at = step;
      [order, code, own].forEach((part, i) => { part.hidden = i !== step; });
      tabs.forEach((tab, i) => tab.setAttribute('aria-pressed', i === step));
      button.hidden = step === 2;
      status.innerHTML = '';
    }
    function check() {
      const used = [...list.children].filter(line => !line.classList.contains('td-out'));
      model.send(at ? { gaps: fields.map(field => field.value) } : { order: used.map(line => Number(line.dataset.number)) });
    }
    const show = () => {
      const { passed, look, html } = model.get('_state');
      tabs.forEach((tab, i) => { tab.textContent = `${passed.includes(i) ? '✓' : i + 1} · ${steps[i]}`; });
      status.innerHTML = html && `<div class="td-card td-${look}">${html}</div>`;
    };
    open(0);
    show();
    model.on('change:_state', show);
    el.append(box);
    return () => model.off('change:_state', show);
  },
};
