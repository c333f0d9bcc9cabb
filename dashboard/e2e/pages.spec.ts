// Every page: for a screen reader, for the keyboard, on a phone.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { pages, seed, SHOP } from './support/seed';
import { expect, test } from './support/test';

let ids: { failed: string; fine: string };

test.beforeAll(async () => {
	const { Api } = await import('./support/api');
	ids = await seed(await Api.admin());
});

/** What axe finds that somebody would stumble over. */
async function look(page: Page, rules?: string[]): Promise<string[]> {
	const axe = new AxeBuilder({ page });
	const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
	const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
	return grave.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`));
}

async function each(page: Page, manager: string, check: (name: string) => Promise<void>): Promise<void> {
	for (const [name, path, shows] of pages(ids.failed, ids.fine)) {
		await test.step(name, async () => {
			await page.goto(manager + path);
			await expect(page.getByText(shows).filter({ visible: true }).first()).toBeVisible();
			await check(name);
		});
	}
}

for (const scheme of ['light', 'dark'] as const) {
	test(`no page has a serious fault, in ${scheme}`, async ({ enter, api }) => {
		const page = await enter('/account');
		await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
		const found: string[] = [];
		await each(page, api.manager, async (name) => {
			// What differs between the two is the colours.
			const rules = scheme === 'dark' ? ['color-contrast', 'link-in-text-block'] : undefined;
			found.push(...(await look(page, rules)).map((fault) => `${name}: ${fault}`));
		});
		expect(found).toEqual([]);
	});
}

test('no page is wider than a phone', async ({ enter, api }) => {
	const page = await enter('/account');
	await page.setViewportSize({ width: 390, height: 780 });
	const wide: string[] = [];
	await each(page, api.manager, async (name) => {
		const width = await page.evaluate(() => document.documentElement.scrollWidth);
		if (width > 390) wide.push(`${name}: ${width}`);
	});
	expect(wide).toEqual([]);
	await page.goto(`${api.manager}/apps/${SHOP}`);
	await page.getByRole('button', { name: 'Overview' }).click();
	await page.getByRole('link', { name: 'Topics' }).click();
	await expect(page.getByRole('heading', { name: 'Topics', level: 1 })).toBeVisible();
	await expect(page.getByRole('link', { name: 'Schedules' })).toBeHidden();
});

test('on a phone every value of a table can be seen beside what can be done', async ({ enter, api }) => {
	const page = await enter('/account');
	await page.setViewportSize({ width: 390, height: 780 });
	const paths = [`/apps/${SHOP}/topics`, `/apps/${SHOP}/releases`, `/apps/${SHOP}/files`, '/server?tab=users'];
	for (const path of paths) {
		await page.goto(api.manager + path);
		const actions = page.getByRole('columnheader', { name: 'Actions' });
		await expect(actions.first()).toBeAttached();
		const hidden = await page.getByRole('main').evaluate((main) =>
			[...main.querySelectorAll<HTMLElement>('.scroll')].flatMap((scroll) =>
				[...scroll.querySelectorAll('tr')].flatMap((row) => {
					const cells = [...row.cells];
					const last = cells.pop()!;
					return cells.flatMap((cell, n) => {
						// As far as it goes until the cell begins at the left.
						scroll.scrollLeft = 0;
						const [box, frame] = [cell.getBoundingClientRect(), scroll.getBoundingClientRect()];
						scroll.scrollLeft = box.left - frame.left;
						const covered = cell.getBoundingClientRect().right - last.getBoundingClientRect().left;
						const pinned = last.getBoundingClientRect().right <= frame.right + 1;
						return pinned && (covered < 1 || box.width > frame.width - last.offsetWidth) ? [] : [`${n}: ${cell.textContent}`];
					});
				})
			)
		);
		expect(hidden, path).toEqual([]);
	}
});

test('a page has its title before what it shows has come', async ({ enter }) => {
	const page = await enter('/');
	await expect(page.getByRole('heading', { name: 'Apps', level: 1 })).toBeVisible();
	let open = () => {};
	const gate = new Promise<void>((opened) => (open = opened));
	await page.route(new RegExp(`/api/v1/apps/${SHOP}(/invocations/[^/?]+)?$`), async (route) => {
		await gate;
		await route.continue();
	});
	await page.getByRole('link', { name: 'The tea shop' }).first().click();
	await expect(page).toHaveTitle(`Overview · ${SHOP} · PiCloud`);
	await expect(page.getByText('Scripts by fuel')).toHaveCount(0);
	open();
	await expect(page.getByText('Scripts by fuel')).toBeVisible();
	await expect(page).toHaveTitle(/PiCloud$/);
	await page.goto(`${process.env.E2E_MANAGER}/apps/${SHOP}/invocations/${ids.fine}`);
	await expect(page).toHaveTitle('POST /orders · checkout · PiCloud');
	await page.goto(`${process.env.E2E_MANAGER}/apps/${SHOP}/new`);
	await expect(page.getByRole('link', { name: 'Scripts', exact: true })).toHaveAttribute('aria-current', 'page');
});

test('the doors have no serious fault', async ({ page }) => {
	for (const path of ['/login', '/setup#token=x', '/invite#token=x', '/nowhere/at/all']) {
		await page.goto(process.env.E2E_MANAGER + path);
		await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
		expect(await look(page), path).toEqual([]);
	}
});

test('no server sees the secret of a one-time link, and it leaves the address at once', async ({ page }) => {
	const seen: string[] = [];
	page.on('request', (request) => seen.push(request.url(), JSON.stringify(request.headers())));
	for (const [path, shows] of [
		['/setup', 'This server is set up already.'],
		['/invite', 'By which name do you want to sign in?']
	] as const) {
		await page.goto(`${process.env.E2E_MANAGER}${path}`);
		if (path === '/invite') await expect(page.getByText('The link is not whole')).toBeVisible();
		// In the page that is there already.
		await page.evaluate(() => location.assign('#token=a-long-number'));
		await expect(page.getByText(shows)).toBeVisible();
		await expect(page).toHaveURL(`${process.env.E2E_MANAGER}${path}`);
	}
	expect(seen.length).toBeGreaterThan(4);
	expect(seen.filter((what) => what.includes('a-long-number'))).toEqual([]);
});

test('a script is written, saved and called by the keyboard alone', async ({ enter }) => {
	const page = await enter(`/apps/${SHOP}/scripts/catalogue`);
	await expect(page.getByText('No problem found')).toBeVisible();
	await page.keyboard.press('Tab');
	await expect(page.getByRole('link', { name: 'To the content' })).toBeFocused();
	const editor = page.getByRole('textbox', { name: 'Source of catalogue' });
	for (
		let n = 0;
		n < 60 &&
		!(await editor.evaluate(
			(element) => element.getRootNode() instanceof ShadowRoot && (element.getRootNode() as ShadowRoot).activeElement === element
		));
		n += 1
	) {
		await page.keyboard.press('Tab');
	}
	await page.keyboard.press('Control+End');
	await page.keyboard.insertText('\n// By the keyboard.');
	await page.keyboard.press('Control+S');
	await expect(page.getByText(/Version \d+ is live\./)).toBeVisible();
	await page.keyboard.press('Control+Enter');
	await expect(page.getByRole('region', { name: "The response's body" })).toContainText('"tea"');
	// Tab indents in the editor; after Escape it leads on, for two seconds. A first Escape may close what completes.
	await expect(async () => {
		await page.keyboard.press('Escape');
		await page.keyboard.press('Escape');
		await page.keyboard.press('Tab');
		await expect(editor).not.toBeFocused({ timeout: 500 });
	}).toPass();
});

test('ten thousand invocations are gone through, and few rows of them are there', async ({ enter, api }) => {
	await api.app('many');
	await api.script('many', 'a', '1', { routes: ['GET /a'] });
	const wanted = 10_000;
	let sent = 0;
	await Promise.all(
		Array.from({ length: 32 }, async () => {
			while (sent < wanted) {
				sent += 1;
				await (await api.call('many', '/a')).arrayBuffer();
			}
		})
	);
	const page = await enter('/apps/many/invocations');
	await page.getByRole('button', { name: 'Live' }).click();
	const table = page.getByRole('table');
	let slowest = 0;
	await expect(async () => {
		const frame = await page.evaluate(async () => {
			const began = performance.now();
			scrollTo(0, document.documentElement.scrollHeight);
			await new Promise(requestAnimationFrame);
			await new Promise(requestAnimationFrame);
			return performance.now() - began;
		});
		slowest = Math.max(slowest, frame);
		expect(Number(await table.getAttribute('aria-rowcount'))).toBeGreaterThan(wanted - 100);
	}).toPass({ timeout: 60_000, intervals: [20] });
	expect(await page.getByRole('row').count()).toBeLessThan(300);
	// Generous: what hangs takes seconds.
	expect(slowest).toBeLessThan(1_000);
	await page.evaluate(() => scrollTo(0, 0));
	await expect(page.getByRole('row').nth(1)).toHaveAttribute('aria-rowindex', '2');
});
