// A question in the browser: what is asked, a field for the answer, and what is said of it. What is true and what is
// said was written by Python; here nothing is judged. A prediction is answered with how sure one is, too.
// This module has two hosts: a notebook's widget (at the end), and a page (tools/web/lesson.js).

const SURE = Object.fromEntries([50, 60, 70, 80, 90, 100].map(sure => [sure, `${sure} %`]));
const PATIENCE = 3000; // ms after which a kernel that does not answer is said to be silent
const SILENT = 'Python does not answer yet: it is busy, or its kernel has ended. Run this cell again to go on.';

export const escaped = text => new Option(text).innerHTML;

/** A row or a column of radio marks. Nothing is chosen at first, and to choose commits nothing. */
const radios = (name, legend, look, texts) => `<fieldset class="${look}"><legend>${legend}</legend>${
  Object.entries(texts).map(([value, text]) => (
    `<label><input type="radio" name="${name}" value="${value}"><span>${escaped(text)}</span></label>`)).join('')}</fieldset>`;

/** One place on a page where a question is seen. */
export class Card {
  /** about: see `about` in widgets.py; commit(answer, sure) is called when both were given; another(), when wanted. */
  constructor(element, about, commit, another) {
    this.about = about;
    this.commit = commit;
    this.form = document.createElement('form'); // keeps the marks of two questions apart
    this.form.className = 'td-ask';
    const { text, options, unit, precision, kind } = about;
    this.form.innerHTML = `${options ? radios('answer', text, 'td-choice', options) : `<div>${text}</div>
      <label class="td-number">Your answer ${unit} <input name="answer" autocomplete="off" placeholder="such as 1/8 or 3e-8">
      <small>${precision}</small></label>`}
      ${kind === 'prediction' ? radios('sure', 'How sure are you?', 'td-sure', SURE) : ''}
      <button type="button" class="td-commit"></button><div role="status"></div>
      <button type="button" class="td-another" hidden>Another one like it</button>`;
    const { form } = this, { answer, sure } = form.elements;
    [this.button, this.status, this.another] = form.querySelectorAll('.td-commit, [role=status], .td-another');
    Object.assign(this, { answer, sure });
    // What has the keyboard must say itself that JupyterLab's own shortcuts keep out.
    for (const one of form.elements) one.setAttribute('data-lm-suppress-shortcuts', 'true');
    this.button.addEventListener('click', () => this.submit());
    this.another.addEventListener('click', another);
    form.addEventListener('submit', event => event.preventDefault());
    form.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || event.target.type === 'button') return;
      event.preventDefault();
      this.submit();
    });
    element.replaceChildren(form);
  }

  submit() {
    const { options, missing } = this.about, { value } = this.answer;
    const given = options ? options[value] : value.trim();
    if (!given) return this.lacks(this.answer, missing);
    if (this.asks === 'prediction' && !this.sure.value) {
      return this.lacks(this.sure, 'And how sure are you? Choose that, too: then it is a prediction.');
    }
    this.commit(given, this.asks === 'prediction' ? Number(this.sure.value) : null);
  }

  lacks(field, words) {
    this.say([['muted', escaped(words)]]);
    (field[0] ?? field).focus();
  }

  say(cards) {
    this.status.innerHTML = cards.map(([look, html]) => `<div class="td-card td-${look}">${html}</div>`).join('');
  }

  /** Show a state: {asks: the kind that an answer would be now, answer, sure, cards, settled, over, another}. */
  show({ asks, answer, sure, cards, settled, over, another }) {
    const { form, about } = this;
    this.asks = asks;
    if (answer) this.answer.value = about.options ? about.options.indexOf(answer) : answer;
    if (this.sure) {
      if (sure) this.sure.value = sure;
      form.querySelector('.td-sure').hidden = asks !== 'prediction';
    }
    this.button.textContent = asks === 'prediction' ? 'Commit prediction' : 'Check';
    for (const field of form.elements) field.disabled = Boolean(over) && field !== this.another;
    this.button.hidden = Boolean(over);
    this.another.hidden = !another;
    this.say(cards);
    if (settled && !this.settled) this.unfold();
    this.settled = settled;
  }

  /** Open what answers the prediction: now, or as soon as it is there. (A notebook that opens draws its cells by and by.) */
  unfold() {
    const open = () => {
      const folds = document.querySelectorAll(`details.${CSS.escape(this.about.id)}`);
      for (const fold of folds) fold.open = true;
      return folds.length > 0;
    };
    if (open()) return;
    this.watch = new MutationObserver(() => { if (open()) this.end(); });
    this.watch.observe(document.body, { childList: true, subtree: true });
  }

  /** Watch no longer: the card is taken away. */
  end() {
    this.watch?.disconnect();
  }
}

/** The host in a notebook. */
export default {
  render({ model, el }) {
    let waiting, card;
    const send = message => {
      clearTimeout(waiting);
      waiting = setTimeout(() => card.say([['muted', SILENT]]), PATIENCE);
      model.send(message);
    };
    const show = () => {
      clearTimeout(waiting);
      card.show(model.get('_state'));
    };
    const pose = () => {
      const inside = el.contains(document.activeElement);
      card?.end();
      card = new Card(el, model.get('_about'), (answer, sure) => send({ answer, sure }), () => send({ another: true }));
      show();
      if (inside) (card.answer[0] ?? card.answer).focus(); // another question came under the hand
    };
    model.on('change:_state', show);
    model.on('change:_about', pose);
    pose();
    return () => {
      card.end();
      model.off('change:_state', show);
      model.off('change:_about', pose);
    };
  },
};
