// What a page must act on, told again until the page says that it has heard: Streamlit forgets a trigger when another
// rerun begins before the callbacks of this one.

const FIRST_WAIT = 3000; // ms, doubled each time: a rerun that takes long is not cut short for ever

export class Telling {
  owed = new Map(); // name of a trigger -> its value, which no other press has

  /** At each rerun: the way to tell, and what the page has heard, {name: value}. */
  update(send, heard = {}) {
    this.send = send;
    for (const [name, value] of this.owed) if (heard[name] === value) this.owed.delete(name);
    if (!this.owed.size) clearTimeout(this.timer);
  }

  tell(name, value = Date.now()) {
    this.owed.set(name, value);
    this.send(name, value);
    this.later(FIRST_WAIT);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      for (const [name, value] of this.owed) this.send(name, value);
      this.later(2 * wait);
    }, wait);
  }

  close() {
    clearTimeout(this.timer);
  }
}
