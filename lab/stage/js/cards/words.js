// What a card's picture shows, for those who do not see it, by the kind of its reel; and the words of map and list.
export const CARD_WORDS = {
  says: "A recorded training. {what}",
  "points/fake": "The model's samples, orange, come to lie like the data, blue.",
  "codes/test": "Test pictures as dots in a plane of codes, coloured by their labels, sort themselves.",
  "images/samples": "Pictures that the model makes of noise become digits.",
  "line/model density": "The model's density, orange, comes to match that of the data, blue.",
  "photo/result": "A photograph takes on the brush strokes of a painting.",
  other: "Its pictures.",
  start: "Start here",
  next: "Next",
  seen: "visited",
  after: "after {names}",
  unbuilt: "Not built yet",
  path: "A path through all rooms",
  map: "Map of the rooms",
};
