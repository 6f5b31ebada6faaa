/* The .mtl language.
 *
 * Newlines are white space. Two invariants keep that sound; every change must keep them:
 *   I1  no declaration, statement, setting or clause begins with an operator or a bracket;
 *   I2  two operands never stand side by side in an expression.
 * By I2 a word that follows the end of an operand, `{` or `}` begins a statement or a clause, and a word anywhere
 * else is a name. The token pass (compiler/syntax/token_pass.h) uses this to retype tokens before the parser sees them:
 *   - statement and clause words become NAME wherever they are names;
 *   - a word that begins a setting (`word =`, `word :`, `batch[...] =`) becomes SETTING;
 *   - `*` and `**` as parts of a path become WILD;
 *   - the braces of a table, `{"a": 1}`, become brackets.
 * Rules have no alternative labels: the tree builder dispatches on child rules and on `op`.
 */
grammar Mtl;

tokens { SETTING, WILD }

file : item* EOF ;

item
  : useDecl | constDecl | vocabDecl | dataDecl | moduleDecl | functionDecl | criterionDecl | balancerDecl | modelDecl
  | sweepDecl
  ;

useDecl       : USE (name ('.' name)* | STRING) ;
constDecl     : CONST name '=' expr ;
vocabDecl     : VOCAB name settings ;
dataDecl      : DATA name family? '{' (dataItem ','?)* '}' ;
moduleDecl    : MODULE name params params ('->' result)? body ;
functionDecl  : FUNCTION name params ('->' result)? body ;
criterionDecl : CRITERION name params params body ;
balancerDecl  : BALANCER name params params ('->' result)? body ;
modelDecl     : MODEL name '{' (modelItem ','?)* '}' ;
sweepDecl     : SWEEP name settings ;

family   : '[' name IN expr ']' ;                      // one member for each element

dataItem : SETTING '=' expr                            // a setting
         | SETTING ':' type '=' expr ;                 // a column

settings : '{' (setting ','?)* '}' ;
setting  : SETTING '=' expr ;

params   : '(' (param (',' param)* ','?)? ')' ;
param    : name ':' type ('=' expr)? ;

type     : name typeArguments? typeDims? ;             // which set, which shape
typeArguments : '(' arg (',' arg)* ','? ')' ;      // a set, classes; settings
typeDims : '[' dim (',' dim)* ','? ']' ;
dim      : '...' | name OF name | expr ;
result   : type | '(' field (',' field)* ','? ')' ;
field    : name ':' type ;

body     : '{' (stmt ','?)* '}' ;

stmt
  : layerStmt | paramStmt | letStmt | varStmt | assignStmt | forStmt | ifStmt | returnStmt | penaltyStmt | monitorStmt
  | updateStmt | requireStmt
  ;

layerStmt   : (LAYER | SHARED | PRIVATE) declName '=' expr ;
paramStmt   : (SHARED | PRIVATE)? (PARAM declName | STATE name) ':' type '=' expr ;
letStmt     : LET name (':' type)? '=' expr ;
varStmt     : VAR name '=' expr ;
assignStmt  : SETTING '=' expr ;
forStmt     : FOR name IN expr body ;
ifStmt      : IF expr body (ELSE IF expr body)* (ELSE body)? ;
returnStmt  : RETURN (named | expr) ;
penaltyStmt : PENALTY expr ;
monitorStmt : MONITOR name '=' expr ;
updateStmt  : UPDATE name '=' expr ;
requireStmt : REQUIRE expr ;

declName  : name declIndex* ;
declIndex : '[' (name IN)? expr ']' ;                  // a[n]: n of them;  a[i in xs]: one for each i
named     : '(' namedField (',' namedField)* ','? ')' ;
namedField : name '=' expr ;

modelItem
  : taskDecl | metricDecl | tieStmt | loadStmt | freezeStmt | wrapStmt | projectStmt | trainBlock | stmt
  ;

taskDecl    : TASK name family? (PREDICTS column (WHEN column)?)? body ;
metricDecl  : METRIC name '=' expr ;
tieStmt     : TIE pattern '=' pattern ;
loadStmt    : LOAD pattern FROM STRING ((EXCEPT exceptions)? loadBlock? | loadBlock EXCEPT exceptions) ;
freezeStmt  : FREEZE pattern (EXCEPT exceptions)? (UNTIL (EPOCH | STEP) expr)? ;
wrapStmt    : WRAP pattern WITH expr ;
projectStmt : PROJECT pattern ONTO expr ;
trainBlock  : TRAIN '{' (trainItem ','?)* '}' ;

loadBlock   : '{' (loadItem ','?)* '}' ;
loadItem    : RENAME STRING '=' STRING | setting ;
exceptions  : pattern | '[' pattern (',' pattern)* ','? ']' ;

trainItem    : trainGroup | trainSetting ;
trainGroup   : GROUP pattern settings ;
trainSetting : SETTING ('[' expr ']')? '=' expr ;

column   : name ('[' expr ']')? ('.' name)? ;          // source.column, or of one member of a family; never without
pattern  : segment ('.' segment)* ;
segment  : (name | WILD) segmentIndex? ('@' name segmentIndex?)? ;
segmentIndex : '[' expr ']' ;

/* Tightest first. The tree builder rejects, with both readings in the message, a `|>` or `>>` beside which another
 * operator stands without parentheses; it rejects comparisons and ranges that chain, and WILD outside `require`. */
expr
  : primary
  | expr op='.' (name | WILD)
  | expr op='(' (arg (',' arg)* ','?)? ')'
  | expr op='[' index (',' index)* ','? ']'
  | <assoc=right> expr op='**' expr
  | op='-' expr
  | expr op=('*' | '/' | '@') expr
  | expr op=('+' | '-') expr
  | expr op='..' expr
  | expr op=('==' | '!=' | '<' | '<=' | '>' | '>=') expr
  | op=NOT expr
  | expr op=AND expr
  | expr op=OR expr
  | expr op='>>' expr
  | expr op='|>' expr
  ;

primary
  : '(' expr ')'
  | list
  | table
  | ifValue
  | SIZE | INT | FLOAT | PERCENT | SCALED | STRING | TRUE | FALSE | WILD
  | name
  ;

list      : '[' (expr (generator+ | (',' expr)* ','?))? ']' ;
table     : '[' entry (',' entry)* ','? ']' ;          // {"a": 1}: the token pass made its braces brackets
entry     : STRING ':' expr ;
ifValue   : IF expr '{' expr '}' (ELSE IF expr '{' expr '}')* ELSE '{' expr '}' ;
generator : FOR name IN expr ;
arg       : (name '=')? expr ;
index     : '...' | expr '..'? ;                       // x[Q..]: to the end
name      : NAME ;

// statement and clause words: the token pass turns them into NAME wherever they are names
USE:'use'; CONST:'const'; VOCAB:'vocab'; DATA:'data'; MODULE:'module'; FUNCTION:'function';
CRITERION:'criterion'; BALANCER:'balancer'; MODEL:'model'; SWEEP:'sweep'; TASK:'task';
TRAIN:'train'; METRIC:'metric'; TIE:'tie'; LOAD:'load'; FREEZE:'freeze'; WRAP:'wrap';
PROJECT:'project'; GROUP:'group'; RENAME:'rename'; LAYER:'layer'; PARAM:'param'; STATE:'state';
SHARED:'shared'; PRIVATE:'private'; PENALTY:'penalty'; MONITOR:'monitor'; UPDATE:'update';
REQUIRE:'require'; PREDICTS:'predicts'; WHEN:'when'; FROM:'from'; EXCEPT:'except';
UNTIL:'until'; EPOCH:'epoch'; STEP:'step'; WITH:'with'; ONTO:'onto'; OF:'of';
// reserved words: names only after `.` and `@` and before `=` and `:`
LET:'let'; VAR:'var'; FOR:'for'; IN:'in'; IF:'if'; ELSE:'else'; RETURN:'return';
AND:'and'; OR:'or'; NOT:'not'; TRUE:'true'; FALSE:'false';

PIPE:'|>'; COMPOSE:'>>'; ARROW:'->'; ELLIPSIS:'...'; RANGE:'..'; POW:'**';
EQEQ:'=='; NEQ:'!='; LE:'<='; GE:'>='; LT:'<'; GT:'>'; ASSIGN:'='; COLON:':'; COMMA:','; DOT:'.';
PLUS:'+'; MINUS:'-'; STAR:'*'; SLASH:'/'; AT:'@';
LPAREN:'('; RPAREN:')'; LBRACK:'['; RBRACK:']'; LBRACE:'{'; RBRACE:'}';

// one token, so that `|tasks|>1` is a comparison and `|` has no other meaning
SIZE    : '|' SP WORD SP ('[' SP (WORD | DIGITS | '"' CHAR* '"') SP ']' SP)? ('.' SP WORD SP)* '|' ;

INT     : DIGITS ;
FLOAT   : DIGITS '.' DIGITS EXP? | DIGITS EXP ;
PERCENT : DIGITS ('.' DIGITS)? '%' ;
SCALED  : DIGITS ('.' DIGITS)? [kMG] ;
NAME    : WORD ;
STRING  : '"' CHAR* '"' ;

DOC     : '///' ~[\r\n]* -> channel(HIDDEN) ;
COMMENT : '//' ~[\r\n]* -> channel(HIDDEN) ;
WS      : [ \t\r\n]+ -> skip ;

// what is not the language still lexes, so that the token pass words the message
BAD_NUMBER : DIGITS ('.' DIGITS)? [a-zA-Z_] [a-zA-Z_0-9]* ;
BAD_STRING : '"' CHAR* '\\'? ;
FOREIGN    : '&&' | '||' | '+=' | '-=' | '/=' | ':=' | '=>' | '++' | '--' | ';' | '!' | '%'
           | '^' | '?' | '&' | '~' | '$' | '|' | '`' | '\\' | '/*' | '*/'
           | '\'' ~['\r\n]* '\'' | '#' ~[\r\n]* ;
BAD_CHAR   : . ;

fragment WORD   : [a-zA-Z_] [a-zA-Z_0-9]* ;
fragment DIGITS : [0-9]+ ('_' [0-9]+)* ;
fragment EXP    : [eE] [+-]? [0-9]+ ;
fragment CHAR   : ~["\\\r\n] | '\\' ~[\r\n] ;
fragment SP     : [ \t]* ;
