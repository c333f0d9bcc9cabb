// Light, dark, or what the system says.
const KEY = 'picloud.theme';

export type Choice = 'system' | 'light' | 'dark';
const CHOICES: readonly Choice[] = ['system', 'light', 'dark'];

class Theme {
	#choice = $state<Choice>(read());
	#system = $state(matchMedia('(prefers-color-scheme: dark)').matches);

	constructor() {
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => (this.#system = event.matches));
		this.#apply();
	}

	get choice(): Choice {
		return this.#choice;
	}

	get dark(): boolean {
		return this.#choice === 'dark' || (this.#choice === 'system' && this.#system);
	}

	set(choice: Choice): void {
		this.#choice = choice;
		localStorage.setItem(KEY, choice);
		this.#apply();
	}

	next(): void {
		this.set(CHOICES[(CHOICES.indexOf(this.#choice) + 1) % CHOICES.length]!);
	}

	#apply(): void {
		if (this.#choice === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = this.#choice;
	}
}

function read(): Choice {
	const kept = localStorage.getItem(KEY);
	return CHOICES.find((choice) => choice === kept) ?? 'system';
}

export const theme = new Theme();
