// Puts the figures anew each second, until somebody pauses or nobody looks. What arrives was made by
// the server and has nothing in it that anybody else has sent.
"use strict";
(() => {
  const figures = document.getElementById("figures");
  const pause = document.getElementById("pause");
  if (!figures || !pause || !window.EventSource) return;
  let source = null;
  let isPaused = false;
  const stop = () => {
    if (source) source.close();
    source = null;
  };
  const follow = () => {
    stop();
    if (isPaused || document.hidden) return;
    source = new EventSource(figures.dataset.live);
    source.addEventListener("figures", (event) => {
      figures.innerHTML = event.data;
    });
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    follow();
  });
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", stop);
  follow();
})();
