// Pictures of every page, in light, in dark and on a phone: `npm run screenshots`, into screenshots/.
import { test as base } from '@playwright/test';
import { Api } from './support/api';
import { pages, seed } from './support/seed';
import { ADMIN, setupToken } from './support/server';
import { expect, test } from './support/test';

let ids: { failed: string; fine: string };

base.beforeAll(async () => {
	const open = new Api(process.env.E2E_MANAGER!, process.env.E2E_INGRESS!, '');
	const { set_up } = await open.send<{ set_up: boolean }>('GET', '/about');
	if (!set_up) {
		await open.send('POST', '/setup', { token: setupToken(process.env.E2E_SETUP_LINK!), ...ADMIN });
		const admin = await Api.admin();
		await admin.app('notes');
		await admin.script('notes', 'list', '[]', { routes: ['GET /notes'] });
		await admin.call('notes', '/notes');
		await admin.app('webhooks');
	}
	const api = await Api.admin();
	ids = await seed(api);
});

for (const [name, scheme, width, height] of [
	['light', 'light', 1360, 860],
	['dark', 'dark', 1360, 860],
	['phone', 'light', 390, 844]
] as const) {
	test(name, async ({ enter, api, page }) => {
		test.setTimeout(120_000);
		await page.setViewportSize({ width, height });
		await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
		const shot = async (of: string) => page.screenshot({ path: `screenshots/${name}/${of}.png`, fullPage: name === 'phone' });
		await page.goto(`${api.manager}/login`);
		await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
		await shot('login');
		await enter('/account');
		for (const [of, path, shows] of pages(ids.failed, ids.fine)) {
			await page.goto(api.manager + path);
			await expect(page.getByText(shows).filter({ visible: true }).first()).toBeVisible();
			if (of === 'script') {
				await page.getByLabel('Path').fill('/orders');
				await page.getByLabel('Method').selectOption('POST');
				await page.getByLabel('Body').fill('{"items": [{"name": "tea", "count": 3}]}');
				await page.getByRole('button', { name: 'Send the request' }).click();
				await expect(page.getByRole('meter', { name: 'Fuel' })).toBeVisible();
			}
			if (of === 'versions') await page.getByRole('button', { name: 'Compare' }).first().click();
			if (of === 'kv') await page.getByRole('button', { name: 'order:1', exact: true }).click();
			if (of === 'overview') await expect(page.locator('canvas')).toHaveCount(4);
			await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
			await shot(of);
		}
	});
}
