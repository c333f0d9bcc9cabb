// Short words that something was done, or was not.

export interface Toast {
	id: number;
	kind: 'done' | 'bad';
	text: string;
}

const SHOWN_MS = 5_000;
let last = 0;

class Toasts {
	items = $state.raw<readonly Toast[]>([]);

	done(text: string): void {
		this.#add('done', text, SHOWN_MS);
	}

	bad(text: string): void {
		this.#add('bad', text, 2 * SHOWN_MS);
	}

	dismiss(id: number): void {
		this.items = this.items.filter((toast) => toast.id !== id);
	}

	#add(kind: Toast['kind'], text: string, ms: number): void {
		const id = ++last;
		this.items = [...this.items.slice(-3), { id, kind, text }];
		setTimeout(() => this.dismiss(id), ms);
	}
}

export const toasts = new Toasts();
