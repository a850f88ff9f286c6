//! Function words of the languages we know well enough, written by hand for this project: words that say nothing about
//! what a text is about. Lower case, sorted by bytes (a test checks it).

const EN: &str = "\
    a about above across after again against all almost along already also although always am among an and another \
    any anybody anyone anything are aren't around as at away back be became because become becomes been before \
    behind being below between both but by came can can't cannot come comes could couldn't did didn't do does \
    doesn't doing don't done down due during e.g each either else enough etc even ever every everyone everything \
    except far few first for from further gave get gets getting give given gives go goes going gone got had hadn't \
    has hasn't have haven't having he her here hers herself him himself his how however i i.e if in indeed instead \
    into is isn't it it's its itself just keep kept last later least less let like likely made make makes making \
    many may maybe me mean means might mine more moreover most mostly much must my myself near need needs neither \
    never next no nobody none nor not nothing now of off often on once one one's ones only onto or other others \
    otherwise our ours ourselves out over own per perhaps possible put quite rather really said same say says second \
    see seem seems seen set several shall she should shouldn't since so some someone something sometimes somewhere \
    soon still such take taken takes than that that's the their theirs them themselves then there therefore these \
    they they're thing things this those though three through throughout thus to together too took toward towards \
    two under unless until up upon us use used uses using usually various very via was wasn't way we we're well went \
    were weren't what whatever when where whereas wherever whether which while who whoever whole whom whose why will \
    with within without won't would wouldn't yes yet you you're your yours yourself yourselves";

const DE: &str = "\
    ab aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus \
    außer außerdem bei beide beiden beim beispielsweise bereits bevor bin bis bisher bist bzw da dabei dadurch dafür \
    dagegen daher damit danach daneben dann daran darauf daraus darf darin darum darunter darüber das dass davon \
    davor dazu dein deine deinem deinen deiner dem den denen denn dennoch der deren des deshalb dessen desto die \
    dies diese dieselbe diesem diesen dieser dieses dir doch dort du durch dürfen ebenso eher eigentlich ein eine \
    einem einen einer eines einige einigen einiger einmal entweder er erst es etc etwa etwas euch euer eure falls \
    fast folgende folgenden folgender für ganz gar geben gegen gegenüber gemäß gewesen gibt gilt hab habe haben hat \
    hatte hatten heisst heißt hier hierbei hierzu hin hinter hätte hätten ich ihm ihn ihnen ihr ihre ihrem ihren \
    ihrer ihres im immer in indem innerhalb ins insbesondere ist ja je jede jedem jeden jeder jedes jedoch jene \
    jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner kommen konnte konnten können könnte könnten \
    lassen lediglich machen macht man manche manchem manchen mancher mehr mein meine meinem meinen meiner meist mich \
    mir mit muss musste mussten möchte müssen nach nachdem neben nein nicht nichts nie noch nun nur ob obwohl oder \
    oft ohne sehr sei seid seien sein seine seinem seinen seiner seines seit selbst sich sie sind so sobald sofern \
    solange solche solchem solchen solcher soll sollen sollte sollten somit sondern sonst soweit sowie sowohl statt \
    um und uns unser unsere unserem unseren unserer unter viel viele vielen vieler vom von vor wann war waren warum \
    was weder weil weiter weitere weiteren welche welchem welchen welcher welches wenig wenige wenn wer werde werden \
    werdet wie wieder wir wird wo wobei wodurch wollen worden wurde wurden wäre wären würde würden zu zudem zum zur \
    zwar zwei zwischen über überhaupt";

const FR: &str = "\
    afin ai aient ainsi ait alors après as au aucun aucune aujourd auquel aura auraient aurait aussi autant autour \
    autre autres aux auxquels avaient avais avait avant avec avez avoir avons ayant beaucoup bien c car ce ceci cela \
    celle celles celui cent cependant ces cet cette ceux chaque chez ci comme comment contre d dans de dedans dehors \
    depuis des desquels deux devant devrait doit doivent donc dont du duquel durant dès déjà elle elles en encore \
    enfin entre envers es est et etc eu eux faire fait fois font furent fut grâce hors hui ici il ils j jamais je \
    jusqu jusque l la laquelle le lequel les lesquelles lesquels leur leurs lors lorsqu lorsque lui là m ma mais \
    malgré me mes mettre mien mieux moi moins mon même mêmes n ne ni non nos notre nous nouveau nôtre on ont or ou \
    outre où par parce parfois parmi pas pendant peu peut peuvent plupart plus plusieurs plutôt pour pourquoi \
    pourrait presque près puis puisqu puisque qu quand quant que quel quelle quelles quelqu quelque quelques quels \
    qui quoi quoique s sa sans sauf se selon sera seraient serait seront ses seulement si sien soi soient soit \
    sommes son sont sous souvent suis suivant sur surtout t ta tandis tant te tel telle telles tels tes toi ton \
    toujours tous tout toute toutefois toutes trop très tu un une va vers voici voilà vont vos votre vous vu y à ça \
    étaient étais était étant été être";

const ES: &str = "\
    a acá ahora ahí al algo alguna algunas alguno algunos algún allá allí ambos ante antes aquel aquella aquellas \
    aquello aquellos aquí así aunque aún bajo bien cabe cada casi como con contra cosa cosas cual cuales cualquier \
    cuando cuanto cuya cuyas cuyo cuyos cuál cuándo cómo da dan de debe deben debido del demás dentro desde después \
    dice dicho donde dos durante dónde e el ella ellas ello ellos embargo en encima entonces entre era eran eras es \
    esa esas ese eso esos estar estas este esto estos estoy está están esté etc fin fue fuera fueron fui gran \
    grandes ha haber había habían hace hacen hacer hacia hago han hasta hay he hemos hoy igual incluso la las le les \
    lo los luego mas me mediante mejor menos mi mientras mis misma mismas mismo mismos mucha muchas mucho muchos muy \
    más nada ni ninguna ninguno ningún no nos nosotras nosotros nuestra nuestras nuestro nuestros nunca o os otra \
    otras otro otros para pero poco pocos poder podrá podía por porque pueda puede pueden pues que quien quienes \
    quizá quién qué se sea sean según ser será serán si sido siempre siendo sin sino sobre sois solamente solo son \
    soy su sus suya suyo sé sí sólo tal tales también tampoco tan tanto te tenemos tener tengo tenía ti tiene tienen \
    toda todas todavía todo todos tras tu tus tuvo tú u un una unas uno unos usted ustedes va vamos van varias \
    varios veces vez y ya yo él ésta última último";

const IT: &str = "\
    a abbia abbiamo ad agli ai al alcun alcuna alcune alcuni alla alle allo allora altra altre altri altro anche \
    ancora avere aveva avevano c che chi ci ciò come con contro cosa così cui d da dagli dai dal dalla dalle dallo \
    degli dei del dell della delle dello dentro di dopo dove due dunque e ecco ed egli ella era erano essa esse \
    essere essi fa fare fatto fino fra già gli ha hai hanno ho i il in infatti inoltre io l la le lei li lo loro lui \
    là ma me meno mentre mi mia mie miei mio molta molte molti molto ne negli nei nel nell nella nelle nello no noi \
    non nostra nostre nostri nostro nulla né o ogni ognuno oltre oppure ora per perché però più poco poi può qualche \
    quale quali quando quanto quasi quella quelle quelli quello quest questa queste questi questo qui quindi sarebbe \
    sarà se sei sempre senza si sia siamo siano sono sopra sotto sta stata state stati stato stesso su sua sue sugli \
    sui sul sull sulla sulle sullo suo suoi sé sì tali tanto te ti tra tu tua tue tuo tutta tutte tutti tutto un una \
    uno v va vi voi volta vostra vostro è";

const PT: &str = "\
    a ainda algo algum alguma algumas alguns alguém ali além ambos ante antes ao aos apenas após aquela aquelas \
    aquele aqueles aquilo as assim atrás até bem cada coisa com como contra contudo cujo da daquele das de dela dele \
    deles demais depois desde dessa desse desta deste disso disto do dois dos durante e ela elas ele eles em embora \
    enquanto entre então era eram essa essas esse esses esta estamos estar estas estava este estes estou está estão \
    eu fazer fez foi for foram fosse há isso isto já lhe lhes logo lá mais mas me mediante menos mesma mesmas mesmo \
    mesmos meu meus minha minhas muita muitas muito muitos na nada nas nem nenhum nenhuma nessa nesse nesta neste no \
    nos nossa nosso nunca não nós o onde os ou outra outras outro outros para pela pelas pelo pelos pode podem por \
    porque porém pouca pouco quais qual qualquer quando quanto que quem se seja sejam sem sempre sendo ser será \
    serão seu seus si sido sob sobre sua suas são só tal também tanto te tem ter toda todas todavia todo todos tu \
    tua tudo têm um uma umas uns vai vez vezes você vocês à às é";

const NL: &str = "\
    aan aangaande achter af al alle alleen allen alles als altijd ander andere anderen bent bij bijna binnen boven \
    buiten daar daarna daarom dan dat de den der deze dezelfde die dit doch doen door dus een eens eerst elk elke en \
    enige enkele er etc even gaan geen geweest had hadden heb hebben heeft hem hen het hier hij hoe hoewel hun ieder \
    iedere iemand iets ik in indien is ja je jij jouw jullie kan kon konden kunnen maar me meer meest men met mij \
    mijn misschien moest moet moeten mogen na naar naast niet niets nog nu of om omdat onder ons onze ook op over \
    reeds sinds slechts sommige steeds te tegen ten ter terwijl tijdens toch toe toen tot tussen u uit uw van vanaf \
    veel verder volgens voor vooral waar waarbij waarin wanneer want waren was wat we weer wel welke werd werden wie \
    wij wil worden wordt zal ze zeer zei zelf zich zij zijn zo zoals zonder zou zouden zowel zulke één";

fn list(language: &str) -> Option<&'static str> {
    Some(match language {
        "en" => EN,
        "de" => DE,
        "fr" => FR,
        "es" => ES,
        "it" => IT,
        "pt" => PT,
        "nl" => NL,
        _ => return None,
    })
}

/// Whether there is a list of stop words for a language (ISO 639-1).
pub fn has_stop_words(language: &str) -> bool {
    list(language).is_some()
}

/// Stop words of one language, or of all we have where the language is not known.
#[derive(Debug, Clone)]
pub struct StopWords {
    sorted: Vec<&'static str>,
}

impl StopWords {
    /// Stop words of a language (ISO 639-1). A language without a list gets an empty one; `None` gets the words of all
    /// lists together.
    pub fn of(language: Option<&str>) -> Self {
        let mut sorted: Vec<&str> = match language {
            Some(language) => list(language).unwrap_or_default().split_whitespace().collect(),
            None => [EN, DE, FR, ES, IT, PT, NL].iter().flat_map(|list| list.split_whitespace()).collect(),
        };
        sorted.sort_unstable();
        sorted.dedup();
        Self { sorted }
    }

    /// Whether a word is one. The word is expected in lower case.
    pub fn contains(&self, word: &str) -> bool {
        self.sorted.binary_search(&word).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_knows_its_articles() {
        for (language, word) in
            [("en", "the"), ("de", "und"), ("fr", "été"), ("es", "también"), ("it", "è"), ("pt", "não"), ("nl", "één")]
        {
            assert!(StopWords::of(Some(language)).contains(word), "{language} {word}");
            assert!(StopWords::of(None).contains(word), "{word}");
        }
        assert!(!StopWords::of(Some("en")).contains("und"));
        assert!(!StopWords::of(Some("ja")).contains("the"));
    }

    #[test]
    fn lists_are_sorted_and_lower_case() {
        for list in [EN, DE, FR, ES, IT, PT, NL] {
            let words: Vec<&str> = list.split_whitespace().collect();
            assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(words.iter().all(|word| *word == word.to_lowercase()));
        }
    }
}
