// SPDX-License-Identifier: GPL-2.0-or-later
// An HTTP server: "/" answers with a document made for this request, "/drop" forgets what was
// posted, "/keep" keeps it for ever, "/kept" tells how many bytes that is.
'use strict';
const http = require('http');

const kept = [];
let keptBytes = 0;

// Beside the body's own memory: the header of its malloc() block, the Buffer with its ArrayBuffer
// and backing store, and the object that holds them. RssAnon rose by 410 to 530 bytes more than the
// bodies each time 2000 of them were kept between two collections (--expose-gc).
const OVERHEAD_BYTES = 470;

function makeDocument(url) {
	const items = [];

	for (let i = 0; i < 200; i++)
		items.push({ id: i, url, at: Date.now(), name: `item ${i} of ${url}` });
	return JSON.stringify(items);
}

function keep(request, body) {
	kept.push({ url: request.url, body });
	keptBytes += body.length + OVERHEAD_BYTES;
}

function answer(request, body) {
	switch (request.url) {
	case '/keep':
		keep(request, body);
		return 'kept\n';
	case '/drop':
		return 'dropped\n';
	case '/kept':
		return String(keptBytes);
	default:
		return makeDocument(request.url);
	}
}

http.createServer((request, response) => {
	const parts = [];

	request.on('data', (part) => parts.push(part));
	request.on('end', () => response.end(answer(request, Buffer.concat(parts))));
}).listen(Number(process.argv[2]), '127.0.0.1');
