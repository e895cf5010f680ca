// Names of arrays, "points/real", and in which order the page speaks of them.

/** "points/real" -> ["points", "real"] */
export function splitName(name) {
  const slash = name.indexOf("/");
  return slash < 0 ? [name, ""] : [name.slice(0, slash), name.slice(slash + 1)];
}

/** Whether a layer of the legend, a name or a prefix, means this array. */
export function belongs(name, layer) {
  return name === layer || name.startsWith(layer.endsWith("/") ? layer : `${layer}/`);
}

/** Names in the order in which the page's labels speak of them, then as they came. */
export function inLabelOrder(names, words, prefix = "") {
  const spoken = Object.keys(words);
  const rank = (name) => (words[prefix + name] === undefined ? spoken.length : spoken.indexOf(prefix + name));
  return [...names].sort((a, b) => rank(a) - rank(b));
}
