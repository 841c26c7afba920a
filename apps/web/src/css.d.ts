/** A style that is loaded with the part of the page that imports it. */
declare module "*.css"
