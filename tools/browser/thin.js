// Leave what axe-core has to see: a chapter has thousands of pieces that look the same.
() => {
  // It is not to look at glyphs, and would all the same measure each of them.
  const formulas = [...document.querySelectorAll("mjx-math")];
  const boxes = formulas.map((formula) => formula.getBoundingClientRect());
  formulas.forEach((formula, i) => {
    formula.replaceChildren();
    formula.style.display = "inline-block";
    formula.style.width = `${boxes[i].width}px`;
    formula.style.height = `${boxes[i].height}px`;
  });

  // Contrast asks for one piece of text of each look. Code keeps the text of the others; elsewhere
  // lines would break otherwise without them, so they are marked for axe-core to leave out.
  const grounds = new Map([[null, ""]]);
  // What paints below or over the text of an element, from the root on.
  const ground = (element) => {
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage, opacity, filter, mixBlendMode, position } =
        getComputedStyle(element);
      const own = [backgroundColor, backgroundImage, opacity, filter, mixBlendMode, position];
      const plain = own.join() === "rgba(0, 0, 0, 0),none,1,none,normal,static";
      grounds.set(element, ground(element.parentElement) + (plain ? "" : `${own};`));
    }
    return grounds.get(element);
  };
  const look = (piece) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(piece);
    return [ground(piece), color, fontSize, fontWeight, textShadow].join();
  };
  const pieces = [...document.querySelectorAll("article :is(span, code, em, strong)")].filter(
    (piece) => !piece.children.length && piece.checkVisibility({ visibilityProperty: true }) &&
      piece.getAttributeNames().every((name) => name === "class"));
  // All are looked at before any is changed: after a change the browser looks at the page anew.
  const looks = pieces.map(look);
  pieces.forEach((piece, i) => {
    if (looks.indexOf(looks[i]) === i) return;
    if (piece.closest("pre")) piece.replaceWith(piece.textContent);
    else piece.dataset.again = "";
  });
  document.querySelectorAll("pre").forEach((code) => code.normalize());
}
