//! Words that carry grammar and no content, and the bits that say in which language they do. They are evidence of a language
//! and are left out of the index (titles keep them).

use std::collections::HashMap;
use std::sync::LazyLock;

/// The word is a function word of English.
pub(super) const ENGLISH: u8 = 1;
/// The word is a function word of German.
pub(super) const GERMAN: u8 = 2;
/// The word is a function word of another language that is often met.
pub(super) const FOREIGN: u8 = 4;

/// In which languages a word (lower case, composed) is a function word: any of [`ENGLISH`], [`GERMAN`], [`FOREIGN`].
pub(super) fn bits(word: &str) -> u8 {
    BITS.get(word).copied().unwrap_or(0)
}

static BITS: LazyLock<HashMap<&'static str, u8>> = LazyLock::new(|| {
    let mut bits = HashMap::new();
    for (list, bit) in [(EN, ENGLISH), (DE, GERMAN), (OTHER, FOREIGN)] {
        for word in list.split_whitespace() {
            *bits.entry(word).or_insert(0) |= bit;
        }
    }
    bits
});

const EN: &str = "a about above after again against all am an and any are aren't as at be because been before being below
between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for from
further had hadn't has hasn't have haven't having he her here hers herself him himself his how i if in into is isn't it it's
its itself just let's me more most my myself no nor not of off on once only or other our ours ourselves out over own same
shall she should shouldn't so some such than that that's the their theirs them themselves then there there's these they
they're this those through to too under until up upon us very was wasn't we we're were weren't what what's when where which
while who whom why will with won't would wouldn't you you're your yours yourself yourselves also i'm i've we've may might
must";

const DE: &str = "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus
bei beim bin bis bist da damit dann darf das dass daß dasselbe dazu dein deine deinem deinen deiner dem demselben den denn
denselben der deren derselbe derselben des desselben dessen dich die dies diese dieselbe dieselben diesem diesen dieser
dieses dir doch dort du durch ein eine einem einen einer eines einig einige einigem einigen einiger einiges er es etwas euch
euer eure eurem euren eurer für gegen gewesen habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem
ihren ihrer ihres im in indem ins ist ja jede jedem jeden jeder jedes jene jenem jenen jener jenes jetzt kann kannst kein
keine keinem keinen keiner keines können könnte könnten man manche manchem manchen mancher manches mein meine meinem meinen
meiner meines mich mir mit muss muß müssen nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner
seines selbst sich sie sind so solche solchem solchen solcher solches soll sollen sollte sondern sonst über um und uns unser
unsere unserem unseren unserer unter viel vom von vor war waren warst warum was weg weil welche welchem welchen welcher
welches wenn wer werde werden wie wieder will wir wird wirst wo wollen wollte worden wurde wurden würde würden während zu zum
zur zwar zwischen";

const OTHER: &str = "à al au aux avec ce ces cette comme con cosa cuando da dans de degli dei del della delle des det deze
di die dit do dos du e een el elle en entre es est está et ett fra fue gli ha han het hij hon i il ils is je jag la las le
les lo los maar mais man med met mi na naar não ne niet nous não och om ook op os ou para pas per più por pour que qui
quoi se sono sont su sua sur te till tot um un una une uno van var vi voor vous was wat we werd y ya yo zijn är är att av
som på og til ikke den det";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_languages() {
        assert_eq!(bits("the"), ENGLISH);
        assert_eq!(bits("nicht"), GERMAN);
        assert_eq!(bits("was"), ENGLISH | GERMAN | FOREIGN);
        assert_eq!(bits("index"), 0);
    }
}
