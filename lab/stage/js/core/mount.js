// A component: its module and its style sheets come once from the server, and Streamlit's calls make one thing of it.

/** The function that Streamlit calls on every rerun: makes the default class of `module`, dressed in `sheets`. */
export async function open(module, ...sheets) {
  const [{ default: Thing }, ...styles] = await Promise.all([import(fileUrl(module)), ...sheets.map(styleSheet)]);
  return (component) => {
    const { parentElement } = component;
    dress(parentElement.getRootNode(), styles);
    return mountOnce(component, module, () => new Thing(parentElement));
  };
}

/** Where a file of the stage lies, from its path in the folder above this one. */
function fileUrl(path) {
  return new URL(`../${path}`, import.meta.url).href;
}

const sheets = new Map(); // path -> promise of a style sheet, which all that are mounted share

function styleSheet(path) {
  if (!sheets.has(path)) sheets.set(path, readSheet(fileUrl(path)));
  return sheets.get(path);
}

async function readSheet(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return new CSSStyleSheet().replace(await answer.text());
}

/** Before anything is drawn, so that nothing is ever seen without its style. */
function dress(root, styles) {
  const worn = root.adoptedStyleSheets;
  root.adoptedStyleSheets = [...worn, ...styles.filter((one) => !worn.includes(one))];
}

const things = new Map(); // module -> what it shows on this page, the newest

/** What the component of a module shows on this page, for others that speak of it; undefined where there is none. */
export function mounted(module) {
  return things.get(module);
}

/** Make the thing at the first call, update it at every call, close it when it is gone. */
function mountOnce(component, module, create) {
  const { parentElement } = component;
  const name = `genlab ${module}`;
  const thing = (parentElement[name] ??= create());
  things.set(module, thing);
  thing.update(component);
  const call = (thing.calls = (thing.calls ?? 0) + 1);
  // Streamlit also runs the cleanup of a call that a quick rerun overtook. Only when no newer
  // call follows is the thing really gone.
  return () => setTimeout(() => {
    if (thing.calls !== call) return;
    thing.close();
    if (parentElement[name] === thing) delete parentElement[name];
    if (things.get(module) === thing) things.delete(module);
  }, 200);
}

/** Whether any of these named parts of what the page says is another one. */
export function differs(old, data, ...names) {
  return names.some((name) => JSON.stringify(old?.[name]) !== JSON.stringify(data[name]));
}
