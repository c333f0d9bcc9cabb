// The dashboard in a real browser, Debian's Chromium, against a real PiCloud.
import { defineConfig } from '@playwright/test';

const pictures = process.env.PICLOUD_SCREENSHOTS !== undefined;

export default defineConfig({
	testDir: 'e2e',
	globalSetup: './e2e/support/global.ts',
	// One after the other: they share a server, and two of them would not be faster on two cores.
	workers: 1,
	fullyParallel: false,
	forbidOnly: true,
	retries: 0,
	timeout: 120_000,
	expect: { timeout: 30_000 },
	reporter: [['list']],
	use: {
		browserName: 'chromium',
		launchOptions: { executablePath: process.env.PICLOUD_CHROMIUM ?? '/usr/bin/chromium' },
		viewport: { width: 1280, height: 820 },
		locale: 'en-GB',
		timezoneId: 'Europe/Berlin',
		screenshot: 'only-on-failure'
	},
	projects: pictures
		? [{ name: 'screenshots', testMatch: 'screenshots.ts' }]
		: [
				// Makes the first user, whom all others are signed in as.
				{ name: 'first', testMatch: 'first.spec.ts' },
				{ name: 'walks', testMatch: '*.spec.ts', testIgnore: 'first.spec.ts', dependencies: ['first'] },
				// At the end: whether the walks made every change that the pages offer.
				{ name: 'operations', testMatch: 'operations.ts', dependencies: ['walks'] }
			]
});
