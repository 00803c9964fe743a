// A text to copy, with a button. Nothing is sent anywhere. See tutor.py.

export default {
  render({ model, el }) {
    const { html, prompt } = model.get('_about');
    el.innerHTML = `<div class="td-ask">${html}<label class="td-prompt">The prompt<textarea readonly rows="14"></textarea></label>
      <button type="button" class="td-commit">Copy</button><div role="status"></div></div>`;
    const [text, button, status] = ['textarea', 'button', '[role="status"]'].map(name => el.querySelector(name));
    text.value = prompt;
    for (const one of [text, button]) one.setAttribute('data-lm-suppress-shortcuts', 'true');
    button.addEventListener('click', async () => {
      text.select(); // and so the keyboard can copy it where a page may not
      let copied = true;
      try {
        await navigator.clipboard.writeText(prompt);
      } catch {
        copied = document.execCommand('copy');
      }
      status.textContent = copied ? 'Copied. Paste it to your assistant.' : 'It is selected: copy it with Ctrl + C (⌘ C).';
    });
  },
};
