// Files: brought up, found by a script, taken down again, replaced on purpose only, and deleted.
import { readFile } from 'node:fs/promises';
import { expect, test } from './support/test';

const logo = { name: 'lögo.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') };

test('a file is brought up, read by a script, taken down, replaced and deleted', async ({ api, enter }) => {
	await api.app('media');
	await api.script('media', 'show', 'files::read("images/lögo.svg").as_string()', { routes: ['GET /logo'] });
	const page = await enter('/apps/media/files');
	await expect(page.getByText('No file yet')).toBeVisible();
	await page.getByRole('button', { name: 'Upload a file' }).click();
	const dialog = page.getByRole('dialog', { name: 'Upload a file' });
	await dialog.getByLabel('Path in the app').fill('images/');
	await dialog.getByLabel('File', { exact: true }).setInputFiles(logo);
	await expect(dialog.getByLabel('Path in the app')).toHaveValue('images/lögo.svg');
	await dialog.getByRole('button', { name: 'Upload' }).click();
	await expect(page.getByText('images/lögo.svg is there.')).toBeVisible();
	const row = page.getByRole('row', { name: /images\/lögo\.svg/ });
	await expect(row).toContainText(`${logo.buffer.length} B`);
	await expect(page.getByRole('meter', { name: 'Files' })).toHaveAttribute('aria-valuenow', '1');
	expect(await (await api.call('media', '/logo')).text()).toBe(logo.buffer.toString());

	const waiting = page.waitForEvent('download');
	await row.getByRole('button', { name: 'Download images/lögo.svg' }).click();
	const download = await waiting;
	expect(download.suggestedFilename()).toBe('lögo.svg');
	expect(await readFile(await download.path())).toEqual(logo.buffer);

	await page.getByRole('button', { name: 'Upload a file' }).click();
	await dialog.getByLabel('File', { exact: true }).setInputFiles({ ...logo, buffer: Buffer.from('another') });
	await dialog.getByLabel('Path in the app').fill('images/lögo.svg');
	await dialog.getByRole('button', { name: 'Upload' }).click();
	await expect(dialog.getByText('There is such a file already.')).toBeVisible();
	await expect(dialog.getByRole('button', { name: 'Upload' })).toBeDisabled();
	expect(await (await api.call('media', '/logo')).text()).toBe(logo.buffer.toString());
	await dialog.getByLabel('Replace it').check();
	await dialog.getByRole('button', { name: 'Upload' }).click();
	await expect(row).toContainText('7 B');

	await page.getByLabel('Paths that begin with').fill('videos/');
	await expect(page.getByText('No path begins so')).toBeVisible();
	await page.getByLabel('Paths that begin with').fill('images/l');
	await row.getByRole('button', { name: 'Delete images/lögo.svg' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
	await expect(row).toHaveCount(0);
	await page.getByLabel('Paths that begin with').fill('');
	await expect(page.getByText('No file yet')).toBeVisible();
});

test('a path that cannot be is told, and a file that is too large is not sent', async ({ api, enter, expected }) => {
	expected.statuses.push(422);
	await api.app('odd');
	const page = await enter('/apps/odd/files');
	await page.getByRole('button', { name: 'Upload a file' }).click();
	const dialog = page.getByRole('dialog', { name: 'Upload a file' });
	await dialog.getByLabel('File', { exact: true }).setInputFiles(logo);
	await dialog.getByLabel('Path in the app').fill('a//b');
	await dialog.getByRole('button', { name: 'Upload' }).click();
	await expect(dialog.getByRole('alert')).toContainText(/path/i);
	await dialog.getByLabel('File', { exact: true }).setInputFiles({ ...logo, buffer: Buffer.alloc((10 << 20) + 1) });
	await expect(dialog.getByText('A file has at most 10 MiB')).toBeVisible();
	await expect(dialog.getByRole('button', { name: 'Upload' })).toBeDisabled();
});

test('who may only look takes files down, and neither brings nor deletes any', async ({ api, enter }) => {
	await api.app('gallery');
	await api.file('gallery', 'a b/ü.txt', 'hello');
	const vito = await api.user('vito', 'gallery', 'viewer');
	const page = await enter('/apps/gallery/files', vito);
	const waiting = page.waitForEvent('download');
	await page.getByRole('button', { name: 'Download a b/ü.txt' }).click();
	expect(await readFile(await (await waiting).path(), 'utf8')).toBe('hello');
	for (const name of ['Upload', 'Delete']) await expect(page.getByRole('button', { name })).toHaveCount(0);
});
