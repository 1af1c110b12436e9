// Mark all that a keyboard has to reach, and return pairs of a mark and a description.
() => {
  const kinds = "a[href], button, input, select, textarea, summary, [onclick], [role='button'], " +
    "[role='link'], [tabindex]:not([tabindex='-1'])";
  document.activeElement?.blur();
  window.scrollTo(0, 0);
  return [...document.querySelectorAll(kinds)]
    .filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width && box.height && !element.disabled && !element.closest("[inert]") &&
        element.checkVisibility({ visibilityProperty: true });
    })
    .map((element, mark) => {
      element.dataset.keyboardMark = mark;
      return [mark, element.outerHTML.slice(0, 120)];
    });
}
