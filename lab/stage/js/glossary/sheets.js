// How terms, their bubble and their list look. The line under a term must be told to every shadow tree.

const RULE = "::highlight(genlab-term) { text-decoration: underline dotted 1.5px; text-underline-offset: 3px; }";
const STYLE = `${RULE}
.genlab-words { position: fixed; z-index: 1000000; font: 15px/1.4 "Source Sans", sans-serif; }
/* at the right end of the header, which is empty there: it must cover no tool */
.genlab-words.list { right: 16px; top: 12px; display: flex; flex-direction: column-reverse; align-items: flex-end; gap: 6px; }
.genlab-words.list[hidden], .genlab-words.list [hidden] { display: none; }
.genlab-words button { font: inherit; padding: 4px 12px; border-radius: 8px; border: 1px solid #8888; background: var(--page); color: inherit; cursor: pointer; }
.genlab-words button:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
.genlab-words .sheet { max-width: min(420px, 90vw); max-height: 60vh; overflow: auto; padding: 10px 14px; border-radius: 8px; border: 1px solid #8888; background: var(--page); box-shadow: 0 2px 12px rgb(0 0 0 / 25%); }
.genlab-words .sheet dl { margin: 0; }
.genlab-words dt { font-weight: 650; }
.genlab-words dd { margin: 0 0 8px; }
.genlab-words.bubble { max-width: min(340px, 92vw); padding: 8px 12px; border-radius: 8px; border: 1px solid #8888; background: var(--page); box-shadow: 0 2px 12px rgb(0 0 0 / 25%); pointer-events: none; }
.genlab-words b { display: block; }`;

export const PAGE_SHEET = sheetOf(STYLE);
export const TERM_SHEET = sheetOf(RULE);

function sheetOf(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}
