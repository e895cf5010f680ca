// The texts of a page in which terms may be explained.

const SKIPPED = "code, pre, .katex, input, textarea, select, button:not(.chart button, .chart), h1, svg, .genlab-words, [data-testid=stSidebar]";

/** The text nodes that are seen, also in the shadow trees of components; `enter` hears of each of these. */
export function textsOf(root, enter) {
  return [...walk(root, enter)];
}

function* walk(root, enter) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, {
    acceptNode: (node) => (node.nodeType === 1 && (node.matches(SKIPPED) || node.hidden) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT),
  });
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.nodeType === 3) yield node;
    else if (node.shadowRoot) {
      enter(node.shadowRoot);
      yield* walk(node.shadowRoot, enter);
    }
  }
}
