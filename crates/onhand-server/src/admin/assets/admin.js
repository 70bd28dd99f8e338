// Keeps what a page shows up to date while it is open, and says so when it cannot. Everything else
// works without it.
"use strict";
(() => {
  const AGAIN_MS = 3000;
  const regions = () => document.querySelectorAll("[data-live]");
  if (regions().length === 0 || !window.EventSource) return;
  let isAsking = false;
  let asksAgain = false;
  let notice = null;

  // A region is left alone while somebody is in it, or has opened a form there.
  const isInUse = (region) =>
    region.contains(document.activeElement) || region.querySelector("details[open]") !== null;

  const show = (page) => {
    for (const region of regions()) {
      const next = page.getElementById(region.id);
      if (next && !isInUse(region) && next.innerHTML !== region.innerHTML) {
        region.replaceWith(document.importNode(next, true));
      }
    }
  };

  const refresh = async () => {
    if (isAsking) {
      asksAgain = true;
      return;
    }
    isAsking = true;
    try {
      const answer = await fetch(location.href);
      if (answer.ok && !answer.redirected) {
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // The feed finds out, too, and says so.
    } finally {
      isAsking = false;
      if (asksAgain) {
        asksAgain = false;
        refresh();
      }
    }
  };

  const tell = (isThere) => {
    if (isThere && notice) {
      notice.remove();
      notice = null;
    } else if (!isThere && !notice) {
      notice = document.createElement("p");
      notice.className = "alert busy";
      notice.setAttribute("role", "status");
      notice.textContent =
        "The server cannot be reached at the moment: what you see may be old. " +
        "It is asked again every few seconds.";
      document.getElementById("main").prepend(notice);
    }
  };

  const listen = () => {
    const feed = new EventSource("/admin/live");
    feed.addEventListener("changed", () => {
      if (document.visibilityState === "visible") refresh();
    });
    feed.addEventListener("error", () => {
      // It ends by itself from time to time, and is there again at once.
      feed.close();
      setTimeout(async () => {
        const wasAway = notice !== null;
        const isThere = await fetch("/livez").then((answer) => answer.ok).catch(() => false);
        tell(isThere);
        if (isThere && wasAway) refresh();
        listen();
      }, notice === null ? 200 : AGAIN_MS);
    });
  };

  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
  });
})();
