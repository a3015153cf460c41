/** Made by build.mjs: hands modules of the page to the scripts that are loaded later. */
declare module "virtual:shared";
