// The ladder in a notebook: lines to put in order, and gaps to fill, by mouse and by keyboard. What was put
// together is sent to Python, which runs it and answers with words; nothing is judged here. See ladder.py.
import { card, make, toggle } from './dom.js';

const HOW = 'One or two lines are wrong: leave them out. ↑, ↓, arrow keys and the mouse move a line.';

/** A line that can be moved and left out. */
function row([depth, text], number, moved) {
  const move = step => {
    const other = step < 0 ? line.previousElementSibling : line.nextElementSibling;
    const { activeElement } = document;
    if (!other) return;
    other[step < 0 ? 'before' : 'after'](line);
    activeElement.focus(); // it is lost on the way
    moved(line);
  };
  const button = (sign, words, click = () => {}) => make('button', {
    class: 'td-chip', title: words, 'aria-label': `${words}: ${text}`, click,
  }, sign);
  const line = make('li', {
    class: 'td-line', draggable: 'true', 'data-number': number,
    keydown: event => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      move(step);
    },
    dragstart: event => {
      event.dataTransfer.setData('text/plain', text);
      line.parentElement.carried = line;
    },
    dragover: event => {
      const { carried } = line.parentElement, { top, height } = line.getBoundingClientRect();
      if (!carried) return;
      event.preventDefault();
      if (carried !== line) line[event.clientY < top + height / 2 ? 'before' : 'after'](carried);
    },
    dragend: () => {
      line.parentElement.carried = null;
      moved(line);
    },
  });
  line.append(
    button('↑', 'Up', () => move(-1)), button('↓', 'Down', () => move(1)),
    toggle(button('✕', 'Leave out'), 'aria-pressed', out => line.classList.toggle('td-out', out)),
    make('pre', { style: `margin-left: ${2 * depth}em` }, text),
  );
  return line;
}

export default {
  render({ model, el }) {
    const { title, steps, head, lines, pieces, gaps, last } = model.get('_about');
    const list = make('ol', { class: 'td-lines' });
    const place = make('div', { class: 'td-hidden', 'aria-live': 'polite' });
    const moved = line => {
      place.textContent = `Now line ${[...list.children].indexOf(line) + 1} of ${list.children.length}`;
    };
    list.append(...lines.map((line, number) => row(line, number, moved)));
    const fields = gaps.map((width, i) => make('input', {
      'aria-label': `Gap ${i + 1} of ${gaps.length}`, size: Math.max(width, 4),
      autocomplete: 'off', spellcheck: 'false',
      keydown: event => { if (event.key === 'Enter') check(); },
    }));
    const left = [...fields], step = (...inside) => make('div', { class: 'td-step' }, ...inside);
    const parts = [
      step(make('div', {}, HOW), make('pre', {}, head), list),
      step(make('pre', {}, ...pieces.map(piece => piece ?? left.shift()))),
      make('div', { class: 'td-step', html: last }),
    ];
    const tabs = steps.map((_, i) => make('button', { class: 'td-chip', click: () => open(i) }));
    const button = make('button', { class: 'td-commit', click: () => check() }, 'Check');
    const status = make('div', { role: 'status' });
    el.append(make('div', { class: 'td-ask td-ladder' },
      make('b', {}, title), make('div', { class: 'td-row' }, ...tabs), ...parts, button, status, place));

    let at;
    function open(step) {
      at = step;
      parts.forEach((part, i) => { part.hidden = i !== step; });
      tabs.forEach((tab, i) => tab.setAttribute('aria-pressed', i === step));
      button.hidden = step === 2;
      status.replaceChildren();
    }
    function check() {
      const used = [...list.children].filter(line => !line.classList.contains('td-out'));
      const order = used.map(line => Number(line.dataset.number));
      model.send(at ? { gaps: fields.map(field => field.value) } : { order });
    }
    const show = () => {
      const { passed, look, html } = model.get('_state');
      tabs.forEach((tab, i) => { tab.textContent = `${passed.includes(i) ? '✓' : i + 1} · ${steps[i]}`; });
      status.innerHTML = html && card([look, html]);
    };
    open(0);
    show();
    model.on('change:_state', show);
    return () => model.off('change:_state', show);
  },
};
