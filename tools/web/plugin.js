// The course's own plugin of JupyterLite. Figures are there before Python is: see early.js.
// No work of a learner is lost or hidden. A lesson that the browser keeps
// stands in front of the site's, so a newer one would never be seen: then both are there, and it says so. And all
// that was written goes into one file, to keep or to take along.
// JupyterLab loads a plugin as a container of modules; this one is written by hand, so nothing has to be built.
(() => {
  const HERE = new URL('.', document.currentScript.src), EARLY = 'application/vnd.trainable-depth.early+json';
  const NEAR = '900px', NAME = 'trainable-depth', FILE = 'my-work.zip', PROGRESS = 'progress/progress.sqlite3';
  let shared;

  /** A module that JupyterLab shares. */
  async function from(name) {
    const [{ get }] = Object.values(shared[name]);
    return (await get())();
  }

  // Work

  const site = path => fetch(new URL(`../${path}`, location.href.replace(/(\/lab\/).*/, '$1')));

  /** What the browser keeps, of the folder and those in it: files that are not the site's, and changed ones. */
  async function kept(contents, folder = '') {
    const answer = await site(`api/contents/${folder}/all.json`), found = [];
    const theirs = answer.ok ? (await answer.json()).content : [];
    const since = new Map(theirs.map(one => [one.path, one.last_modified]));
    for (const { path, type, last_modified } of (await contents.get(folder, { content: true })).content) {
      if (type === 'directory') found.push(...await kept(contents, path));
      else if (since.get(path) !== last_modified) found.push(path);
    }
    return found;
  }

  /** The lessons of another version than the site's that the browser keeps get another name: {theirs: mine}. */
  async function keepBoth(contents, versions) {
    const moved = {};
    for (const path of await kept(contents)) {
      if (!(path in versions)) continue;
      const { metadata } = (await contents.get(path, { content: true })).content;
      if (metadata[NAME]?.version !== versions[path]) await contents.rename(path, moved[path] = await free(contents, path));
    }
    return moved;
  }

  /** A name beside a notebook that nothing has yet. */
  async function free(contents, path) {
    const [folder] = path.split('/'), day = new Date().toISOString().slice(0, 10);
    const there = (await contents.get(folder, { content: true })).content.map(one => one.path);
    const names = [...there, ''].map((_, i) => path.replace(/\.ipynb$/, `.mine-${day}${i ? `-${i + 1}` : ''}.ipynb`));
    return names.find(name => !there.includes(name));
  }

  /** All that the browser keeps, as {path: bytes}. */
  async function work(contents) {
    const files = {};
    for (const path of await kept(contents)) {
      const { content, format } = await contents.get(path, { content: true });
      files[path] = bytes(content, format);
    }
    return files;
  }

  function bytes(content, format) {
    if (format === 'base64') return Uint8Array.from(atob(content), one => one.charCodeAt(0));
    return new TextEncoder().encode(format === 'json' ? JSON.stringify(content, null, 1) : content);
  }

  // A ZIP archive without compression: for each file a head and its bytes, then a list of all heads.

  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });
  const checksum = data => ~data.reduce((sum, byte) => TABLE[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;

  /** Numbers as bytes, lowest first: [number, how many bytes], …. */
  const little = (...numbers) => numbers.flatMap(([number, size]) => Array.from({ length: size }, (_, i) => (number >>> (8 * i)) & 255));

  function zip(files, now = new Date()) {
    const parts = [], list = [];
    let at = 0;
    for (const [path, data] of Object.entries(files)) {
      const name = new TextEncoder().encode(path);
      const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
      const day = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
      const about = little(
        [20, 2], [0x800, 2], [0, 2], [time, 2], [day, 2], [checksum(data), 4], [data.length, 4], [data.length, 4], [name.length, 2], [0, 2],
      );
      const head = [...little([0x04034b50, 4]), ...about, ...name];
      parts.push(Uint8Array.from(head), data);
      list.push(...little([0x02014b50, 4], [20, 2]), ...about, ...little([0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), ...name);
      at += head.length + data.length;
    }
    const count = Object.keys(files).length;
    const end = little([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [list.length, 4], [at, 4], [0, 2]);
    return new Blob([...parts, Uint8Array.from([...list, ...end])], { type: 'application/zip' });
  }

  // What a learner sees

  /** The renderer of what a lesson shows of an instrument whose cell has not run. */
  function figures({ Widget }) {
    const script = import(new URL('early.js', HERE));
    class Early extends Widget {
      async renderModel({ data }) {
        this.leave();
        // Its file is read when it comes near: that takes the time in which the notebook could be seen.
        this.watch = new IntersectionObserver(async entries => {
          if (!entries.some(one => one.isIntersecting)) return;
          this.watch.disconnect();
          const { early } = await script;
          this.view = await early(this.node, data[EARLY]);
        }, { rootMargin: NEAR, scrollMargin: NEAR });
        this.watch.observe(this.node);
      }

      leave() {
        this.watch?.disconnect();
        this.view?.remove();
        this.node.replaceChildren();
      }

      dispose() {
        this.leave();
        super.dispose();
      }
    }
    return { safe: true, mimeTypes: [EARLY], defaultRank: 10, createRenderer: () => new Early() };
  }

  function activate(app, { PageConfig }, { Widget }, menu) {
    const { contents } = app.serviceManager;
    const versions = JSON.parse(PageConfig.getOption('litePluginSettings'))[NAME];
    const say = (message, type, ...actions) => app.commands.execute('apputils:notify', { message, type, options: { autoClose: false, actions } });
    const open = (label, path) => ({ label, commandId: 'docmanager:open', args: { path } });

    app.commands.addCommand(`${NAME}:download`, {
      label: 'Download My Work',
      caption: 'All notebooks that you changed, and your answers, in one file',
      execute: async () => {
        await app.commands.execute('docmanager:save-all');
        const files = await work(contents), address = URL.createObjectURL(zip(files));
        Object.assign(document.createElement('a'), { href: address, download: FILE }).click();
        setTimeout(() => URL.revokeObjectURL(address), 60000);
        const bring = PROGRESS in files ? ` and run bring("../${PROGRESS}")` : '';
        say(`${FILE}: ${Object.keys(files).length} files. To go on elsewhere, unpack it in the course's folder${bring}.`, 'success');
      },
    });
    menu?.fileMenu.addGroup([{ command: `${NAME}:download` }], 30);
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', textContent: 'Download my work', disabled: true }); // while names change
    button.style = 'border: 0; padding: 0 12px; background: none; color: var(--jp-ui-font-color1); font: inherit; cursor: pointer';
    button.addEventListener('click', () => app.commands.execute(`${NAME}:download`));
    app.shell.add(Object.assign(new Widget({ node: button }), { id: `${NAME}-download` }), 'top', { rank: 1000 });

    app.restored.then(() => keepBoth(contents, versions)).finally(() => { button.disabled = false; }).then(moved => {
      for (const [path, mine] of Object.entries(moved)) {
        const [lesson, yours] = [path, mine].map(one => one.split('/').pop());
        say(`${lesson} is new here since you worked on it. Yours is kept: ${yours}`, 'info', open('Open the new one', path), open('Open mine', mine));
      }
    });
  }

  async function plugin() {
    const { IMainMenu } = await from('@jupyterlab/mainmenu');
    const { IRenderMimeRegistry } = await from('@jupyterlab/rendermime');
    const [config, widgets] = [await from('@jupyterlab/coreutils'), await from('@lumino/widgets')];
    return [
      { id: `${NAME}:figures`, autoStart: true, requires: [IRenderMimeRegistry], activate: (_, mime) => mime.addFactory(figures(widgets)) },
      { id: `${NAME}:work`, autoStart: true, optional: [IMainMenu], activate: (app, menu) => activate(app, config, widgets, menu) },
    ];
  }

  (window._JUPYTERLAB ??= {})[NAME] = {
    init: scope => { shared = scope; },
    get: async () => { const found = await plugin(); return () => found; },
  };
})();
