// A text to copy, with a button. Nothing is sent anywhere. See tutor.py.
import { make } from './dom.js';

export default {
  render({ model, el }) {
    const { html, prompt } = model.get('_about');
    const text = make('textarea', { readonly: true, rows: 14 }), status = make('div', { role: 'status' });
    text.value = prompt;
    const copy = async () => {
      text.select(); // and so the keyboard can copy it where a page may not
      const copied = await navigator.clipboard?.writeText(prompt).then(() => true, () => false);
      status.textContent = copied || document.execCommand('copy')
        ? 'Copied. Paste it to your assistant.' : 'It is selected: copy it with Ctrl + C (⌘ C).';
    };
    const box = make('div', { class: 'td-ask', html });
    box.append(
      make('label', { class: 'td-prompt' }, 'The prompt', text),
      make('button', { class: 'td-commit', click: copy }, 'Copy'), status,
    );
    el.replaceChildren(box);
  },
};
