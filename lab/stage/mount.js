// Streamlit calls a component's default function on every rerun; this makes one thing of it.

/** Whether any of these named parts of what the page says is another one. */
function differs(old, data, ...names) {
  return names.some((name) => JSON.stringify(old?.[name]) !== JSON.stringify(data[name]));
}

/** Make the thing at the first call, update it at every call, close it when it is gone. */
function mountOnce(component, name, create) {
  const { parentElement } = component;
  const thing = (parentElement[name] ??= create(parentElement));
  thing.update(component);
  const call = (thing.calls = (thing.calls ?? 0) + 1);
  // Streamlit also runs the cleanup of a call that a quick rerun overtook. Only when no newer
  // call follows is the thing really gone.
  return () => setTimeout(() => {
    if (thing.calls !== call) return;
    thing.close();
    if (parentElement[name] === thing) delete parentElement[name];
  }, 200);
}
