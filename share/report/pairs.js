// The sheet of `kindred pairs show`: turning pairs down, page by page, and the list of those that were.
// Without it the page still shows every pair.
(function () {
  'use strict';
  const onePage = 48;
  const $ = (id) => document.getElementById(id);
  const sheet = $('sheet'), list = $('list'), which = $('which');
  const cards = Array.from(sheet.querySelectorAll('.card'));
  const box = (card) => card.querySelector('input');
  const lines = (text) => text.split('\n').filter((line) => line !== '');
  const hidden = lines($('hidden').textContent); // turned down before, and not on this sheet
  const key = 'kindred pairs ' + sheet.dataset.set;
  let page = 0, visible = cards;

  const rejected = () => cards.filter((card) => box(card).checked).map((card) => box(card).value);

  // What was ticked survives a reload where the browser keeps things for files.
  function keep() {
    try {
      localStorage.setItem(key, JSON.stringify(rejected()));
    } catch (error) { /* not kept, then */ }
  }
  function restore() {
    try {
      const kept = JSON.parse(localStorage.getItem(key));
      if (Array.isArray(kept)) {
        const ids = new Set(kept);
        cards.forEach((card) => { box(card).checked = ids.has(box(card).value); });
      }
    } catch (error) { /* as the page says */ }
  }

  function text() {
    const ids = rejected().concat(hidden);
    return '# pairs turned down, for data.pairs.reject\n' + ids.map((id) => id + '\n').join('');
  }
  function count() {
    const here = rejected().length;
    $('count').textContent = here + hidden.length;
    cards.forEach((card) => card.classList.toggle('rejected', box(card).checked));
    list.value = text();
  }

  function show() {
    const pages = Math.max(1, Math.ceil(visible.length / onePage));
    page = Math.min(Math.max(page, 0), pages - 1);
    const now = new Set(visible.slice(page * onePage, (page + 1) * onePage));
    cards.forEach((card) => { card.hidden = !now.has(card); });
    $('page').textContent = (page + 1) + ' / ' + pages;
    $('back').disabled = page === 0;
    $('next').disabled = page === pages - 1;
  }
  function choose() {
    const value = which.value;
    visible = value === 'all' ? cards
      : value === 'rejected' ? cards.filter((card) => box(card).checked)
      : cards.filter((card) => card.dataset.class === value.slice(1));
    page = 0;
    show();
  }
  function turn(by) {
    page += by;
    show();
    window.scrollTo(0, sheet.offsetTop - 8);
  }

  function download() {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text()], { type: 'text/plain' }));
    link.download = 'rejected.txt';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  function selectList() {
    $('by-hand').open = true;
    list.focus();
    list.select();
    return document.execCommand('copy');
  }
  function copy() {
    const done = (good) => { $('copy').textContent = good ? 'Copied' : 'Copy it from the list'; };
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text()).then(() => done(true), () => done(selectList()));
    } else {
      done(selectList());
    }
    setTimeout(() => { $('copy').textContent = 'Copy'; }, 2000);
  }

  sheet.addEventListener('change', () => { count(); keep(); });
  which.addEventListener('change', choose);
  $('back').addEventListener('click', () => turn(-1));
  $('next').addEventListener('click', () => turn(1));
  $('download').addEventListener('click', download);
  $('copy').addEventListener('click', copy);
  $('bar').hidden = false;
  restore();
  count();
  show();
})();
