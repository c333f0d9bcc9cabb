// A stream of events, read with fetch: EventSource can carry no token.

export interface StreamEvent {
	id: string | undefined;
	data: string;
}

/** The events of a stream as they come, until it ends. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
	const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
	let rest = '';
	let id: string | undefined;
	let data: string[] = [];
	try {
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return;
			rest += value;
			const lines = rest.split(/\r\n|\n|\r/);
			rest = lines.pop() ?? '';
			for (const line of lines) {
				if (line === '') {
					if (id !== undefined || data.length > 0) yield { id, data: data.join('\n') };
					data = [];
				} else if (!line.startsWith(':')) {
					const colon = line.indexOf(':');
					const [field, value] = colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
					if (field === 'data') data.push(value);
					if (field === 'id') id = value;
				}
			}
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}
