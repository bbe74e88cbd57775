/* paragraph: sentences for people, broken at blanks. */
#ifndef ADBAD_CLI_PARAGRAPH_H
#define ADBAD_CLI_PARAGRAPH_H

/* Prints text behind a label, in lines of at most 96 characters, the further ones indented by the
 * label's width. Nothing for an empty text. */
void paragraph(const char *label, const char *text);
/* The same with each line behind "# ". */
void paragraph_comment(const char *text);

#endif
