// Keeps what a page shows up to date while it is open. Everything else works without it.
"use strict";
(() => {
  const regions = () => document.querySelectorAll("[data-live]");
  if (regions().length === 0 || !window.EventSource) return;
  let asked = false;
  let again = false;

  // A region is left alone while somebody is in it, or has typed something there.
  const isInUse = (region) =>
    region.contains(document.activeElement) || region.querySelector("details[open]") !== null;

  const refresh = async () => {
    if (asked) {
      again = true;
      return;
    }
    asked = true;
    try {
      const answer = await fetch(location.href, { headers: { "x-live": "1" } });
      if (!answer.ok || answer.redirected) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const region of regions()) {
        const next = fresh.getElementById(region.id);
        if (next && !isInUse(region) && next.innerHTML !== region.innerHTML) {
          region.replaceWith(document.importNode(next, true));
        }
      }
    } finally {
      asked = false;
      if (again) {
        again = false;
        refresh();
      }
    }
  };

  const feed = new EventSource("/admin/live");
  feed.addEventListener("changed", () => {
    if (document.visibilityState === "visible") refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
  });
})();
