// What the console does only where scripts run; every page works without.
"use strict";

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
// The way back shows the page as it was kept, with forms that may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
// What is shown while somebody writes is old once the sign-in has ended, or another has begun.
document.addEventListener("htmx:afterRequest", (event) => {
  const said = document.getElementById("signed-out");
  const isRefused = [401, 403].includes(event.detail.xhr.status);
  if (said && (isRefused || event.detail.successful)) said.hidden = !isRefused;
});
// What is fetched anew stays as somebody opened and scrolled it; htmx itself keeps the focus.
let seen = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  seen = [...event.detail.target.querySelectorAll("details[id], .scroll[id]")].map((part) => ({
    id: part.id, open: part.open, top: part.scrollTop, left: part.scrollLeft,
  }));
});
document.addEventListener("htmx:afterSwap", () => {
  for (const { id, open, top, left } of seen) {
    const part = document.getElementById(id);
    if (!part) continue;
    if (open) part.open = true;
    part.scrollTop = top;
    part.scrollLeft = left;
  }
});
