// The words of a page are of one round. It hears which one is looked at, and until its words are of the picture they are hidden.

const SETTLED = 350; // ms for which a round must be looked at before the page hears of it

export class Teller {
  told = null; // the round that the page has heard of; null: the newest

  /** Called often. Pages that speak of no round (their data has none) hear nothing. */
  follow({ data, view, server, history, screen, tell }) {
    if (data.round === undefined) return;
    const plays = server?.recording && view === null && screen.shown?.meta.round !== history.rounds.at(-1);
    document.documentElement.toggleAttribute("data-words-late", Boolean(plays) || data.round !== view);
    if (view === this.told) return;
    this.told = view;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => tell("round", view), SETTLED);
  }

  close() {
    clearTimeout(this.telling);
    document.documentElement.removeAttribute("data-words-late");
  }
}
