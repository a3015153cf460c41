(function () {
  'use strict';
  var form = document.getElementById('fix'), file = document.getElementById('file');
  var sent = document.getElementById('sent'), list = document.getElementById('photos');
  var send = document.getElementById('send'), hint = document.getElementById('hint');
  if (!file.files || !window.XMLHttpRequest || !window.Blob || !Blob.prototype.slice) { return; }
  var PIECE = 262144, base = location.pathname.replace(/\/+$/, '') + '/uploads', busy = 0;
  document.documentElement.className = 'js';
  file.removeAttribute('name');
  file.required = false;
  function digests() { return sent.value ? sent.value.split(',') : []; }
  function recall(key) { try { return localStorage.getItem(key); } catch (e) { return null; } }
  function note(key, value) {
    try { if (value) { localStorage.setItem(key, value); } else { localStorage.removeItem(key); } } catch (e) { return; }
  }
  function call(method, url, headers, body, moved, then) {
    var request = new XMLHttpRequest();
    request.open(method, url);
    request.timeout = 120000;
    request.setRequestHeader('Tus-Resumable', '1.0.0');
    request.setRequestHeader('Accept-Language', 'zh-CN');
    Object.keys(headers).forEach(function (name) { request.setRequestHeader(name, headers[name]); });
    if (moved && request.upload) { request.upload.onprogress = function (event) { moved(event.loaded); }; }
    request.onloadend = function () { then(request); };
    request.send(body);
  }
  function add(photo) {
    var item = document.createElement('li'), name = document.createElement('b'), how = document.createElement('span');
    var key = 'anxun ' + base.slice(-16, -8) + ' ' + [photo.name, photo.size, photo.lastModified].join(' ');
    var known = recall(key), place = known && base + '/' + known, tries = 0;
    if (window.URL && URL.createObjectURL) {
      var picture = document.createElement('img');
      picture.alt = '';
      picture.src = URL.createObjectURL(photo);
      item.appendChild(picture);
    }
    name.textContent = '整改后照片';
    item.appendChild(name);
    item.appendChild(how);
    list.appendChild(item);
    busy += 1;
    state();
    function say(words) { how.textContent = words; }
    function end(words) { busy -= 1; note(key, null); say(words); state(); }
    function failed(request) {
      var words = '照片未能上传';
      try { words = JSON.parse(request.responseText).detail; } catch (e) { words = '照片未能上传'; }
      end(words + '，请换一张');
    }
    function again() {
      tries += 1;
      say('网络中断，正在重试…');
      setTimeout(place ? look : begin, Math.min(30, Math.pow(2, tries)) * 1000);
    }
    function lost(request) { return request.status === 0 || request.status === 408 || request.status === 429 || request.status >= 500; }
    function begin() {
      call('POST', base, { 'Upload-Length': String(photo.size) }, null, null, function (request) {
        if (request.status === 201) {
          place = base + '/' + request.getResponseHeader('Location').split('/').pop();
          note(key, place.split('/').pop());
          piece(0);
        } else if (lost(request)) { again(); } else { failed(request); }
      });
    }
    function look() {
      call('HEAD', place, {}, null, null, function (request) {
        if (request.status === 200 && request.getResponseHeader('Anxun-Photo')) { took(request); }
        else if (request.status === 200) { piece(Number(request.getResponseHeader('Upload-Offset'))); }
        else if (request.status === 404) { place = null; begin(); }
        else if (lost(request)) { again(); } else { failed(request); }
      });
    }
    function piece(offset) {
      var headers = { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset) };
      function moved(more) { say('正在上传 ' + Math.min(99, Math.floor((offset + more) * 100 / photo.size)) + '%'); }
      moved(0);
      call('PATCH', place, headers, photo.slice(offset, offset + PIECE), moved, function (request) {
        if (request.status === 204 && request.getResponseHeader('Anxun-Photo')) { took(request); }
        else if (request.status === 204) { tries = 0; piece(Number(request.getResponseHeader('Upload-Offset'))); }
        else if (request.status === 409) { look(); }
        else if (lost(request)) { again(); } else { failed(request); }
      });
    }
    function took(request) {
      var digest = request.getResponseHeader('Anxun-Photo'), all = digests();
      if (all.indexOf(digest) < 0) { all.push(digest); }
      sent.value = all.join(',');
      end('已上传 ✓');
    }
    if (place) { look(); } else { begin(); }
  }
  function state() {
    send.disabled = busy > 0;
    send.textContent = busy > 0 ? '照片上传中，请稍候…' : '提交，等待复查';
  }
  file.addEventListener('change', function () {
    for (var at = 0; at < file.files.length; at += 1) { add(file.files[at]); }
    file.value = '';
  });
  form.addEventListener('submit', function (event) {
    if (busy || !digests().length) {
      event.preventDefault();
      hint.className = 'late';
      hint.textContent = busy ? '照片还在上传，请稍候。' : '请先拍摄整改后照片。';
      return;
    }
    send.disabled = true;
    send.textContent = '正在提交…';
  });
  window.addEventListener('pageshow', state);
}());
