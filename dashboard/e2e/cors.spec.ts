// Pages of other origins: allowed in the settings, answered by the app, and taken back.
import { expect, test } from './support/test';

test('an origin is let in, and out again', async ({ api, enter, expected }) => {
	expected.statuses.push(422);
	await api.app('open');
	await api.script('open', 'hello', '"hi"', { routes: ['GET /hello'] });
	const allowed = async () =>
		(await api.call('open', '/hello', { headers: { origin: 'https://shop.example' } })).headers.get(
			'access-control-allow-origin'
		);
	const page = await enter('/apps/open/settings');
	const section = page.getByRole('region', { name: 'Pages of other origins' });
	await expect(section.getByLabel('Origins whose pages may read answers')).toHaveCount(0);
	await section.getByLabel('Say here which may use it').check();
	const origins = section.getByLabel('Origins whose pages may read answers');
	await origins.fill('shop.example');
	await section.getByRole('button', { name: 'Save' }).click();
	await expect(section.getByRole('alert')).toContainText('origin');
	expect(await allowed()).toBeNull();
	await origins.fill('https://shop.example\nhttp://localhost:5173');
	await expect(section.getByLabel('Headers that they may send')).toHaveValue('authorization\ncontent-type');
	await section.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('Saved.')).toBeVisible();
	expect(await allowed()).toBe('https://shop.example');

	await page.reload();
	await expect(origins).toHaveValue('https://shop.example\nhttp://localhost:5173');
	await section.getByLabel('Say here which may use it').uncheck();
	await section.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('Saved.')).toBeVisible();
	expect(await allowed()).toBeNull();
});

test('who is no owner sees what is set', async ({ api, enter }) => {
	await api.app('closed');
	await api.send('PATCH', '/apps/closed', { cors: { origins: ['https://shop.example'] } });
	const edith = await api.user('edith', 'closed', 'editor');
	const page = await enter('/apps/closed/settings', edith);
	const section = page.getByRole('region', { name: 'Pages of other origins' });
	await expect(section.getByLabel('Origins whose pages may read answers')).toHaveValue('https://shop.example');
	await expect(section.getByLabel('Origins whose pages may read answers')).not.toBeEditable();
	await expect(section.getByRole('button', { name: 'Save' })).toHaveCount(0);
});
