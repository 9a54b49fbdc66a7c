//! Facts about French: words that are often typed without their accents, and words that the house does not use.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Words whose unaccented form is no French word. Plurals in `s` are derived.
const ACCENTED: &str = "
abîmer accéder accès accélérer activité adhérer agréger âge août arrêt arrêter arrêtez arrêté après
autorité bientôt bâtir bénéfice boîte brûler caractère caractéristique clé coût coûte coûter coûtent créer créez
créé créée créent création critère capacité célèbre cohérent cohérence complète compléter complétez complément
connaître connaît contrôle contrôler contrôlez contrôlé contrôleur contrôlée conséquence considérer crédit côté
débit débordement débuter décider décide décision découvrir découvrez déclare déclarer déclarez déclaré déclarée déclarent
déclaration décompte décrire décrit décrivez défaillance défaut défense défini définie définir définissez définit
définition degré déjà délai délicat demandé dépasse dépasser dépassement dépend dépendance dépendre déplacer déployer
déployez déploie déploiement dépôt dernière derrière désactiver désactivez désigne désigner désormais détail
détecter détecte détection détruire détruit deuxième développer développement différence différent différente
difficulté disponibilité donnée donnée durée dégâts démarrer démarrez démarre démarrage démarrent dénombrer
échantillon échange échanger échappe échapper échec échéance échelle échoue échouer échouent écran écrire écrit
écrite écrivez écriture éditer éditeur également égal égale égalité élément élève élevé éliminer émettre émis
énergie énorme énumérer épuiser épuise épuisement épuisé équilibre équipe équivalent espèce établir établit étape
état étendre étiquette étonnant étrange étranger être êtes étroit étude étudiant étudier évaluer évaluation événement
éventuel éventuellement évident évidence éviter évite évitez évolution exécuter exécute exécutez exécution exécuté
exécutable expérience extrême extérieur facilité fenêtre fidèle fiabilité frontière générer génère général générale
généralement gérer gère gérez gestionnaire héberger hérite hériter idée identité immédiat immédiate immédiatement
implémenter implémentation impératif inférieur inférieure intégration intégrité intégrer intérêt intérieur intérieure
interprète journée légende léger légère lâcher libérer libère lumière maîtrise manière matière matériel mécanisme
médaille mémoire même métadonnée méthode métrique mêler moitié modèle modérer modéré négatif nécessaire nécessite
nécessiter nœud numérique numéro numéroter œil œuvre opérateur opération option outrepassé paramètre paramétrer
passé péremption période périmètre phénomène pièce plutôt possibilité poignée précédent précédente précéder précaution
précis précise préciser précisez précision préférer préfère préférence préfixe prélever première premièrement préparer
prépare préparez préparation présence présent présente présenter présentez prêt prêter prévenir prévoir prévu
priorité privilège problème procédé procédure procéder prochaine propriété protéger protège protégez protégé quatrième
qualité quantité réaction réagir réalité réaliser réalise récent récente récupérer récupère récupérez
rédiger réduire réduit réel réelle référence réfléchir réfléchissez regénérer région règle régler réglage réglez
régulier régulière réinitialiser réinitialise répartir répartition réparer réparez répare réparation répertoire
répéter répète réplique répliquer répondre répond répondez réponse répression reproché requête réseau réserver
réserve réservation résident résister résoudre résultat résumé résumer rétablir réunir réussir réussi réussit réussite
réutiliser révéler révèle réviser révoquer rôle scénario schéma sécurité sécuriser sécurisé sélection sélectionner
sélectionnez sélecteur sélectionne séparer sépare séparément séparation séquence série sévère sévérité siège
simultané simultanément société sécurisée spécifier spécifie spécifique spécification stratégie succès suggérer
supérieur supérieure sûr sûre sûreté sûrement système systématique tâche télécharger téléchargez téléchargement
tempête témoin terminé tête thème théorie théorique tolérer tolérance tôt très trésor troisième unité utilité
variété vérifier vérifie vérifiez vérifié vérifiée vérification véritable vérité vidéo visibilité voilà vulnérabilité
vulnérable zéro cœur sœur vœu manœuvre démonstration éphémère intermédiaire élaborer émetteur éteindre éteint
étendue étendu hétérogène homogène hôte hôtesse île inquiéter intéressant intéresser libération légitime nommée
propriétaire récursif récupération réglementation régression rétention rétrograder sémantique signalé téléverser
itération numérotation pénalité pédagogique récompense référentiel réplication représenter représente représentation
résilience rétroaction sécurisation spécialisé sérialiser traçabilité ultérieur vérificateur
";

/// Unaccented forms that are words of their own after all, or that the house writes so.
const NEVER: [&str; 9] = ["cote", "passe", "termine", "demande", "signale", "reproche", "outrepasse", "sur", "sure"];

/// Words that the house does not use in prose, and what it says instead.
const NOT_USED: [(&str, &str); 17] = [
    ("grappe", "cluster"),
    ("grappes", "clusters"),
    ("pod", "Pod"),
    ("pods", "Pods"),
    ("namespace", "Namespace"),
    ("namespaces", "Namespaces"),
    ("container", "conteneur"),
    ("containers", "conteneurs"),
    ("containeur", "conteneur"),
    ("containeurs", "conteneurs"),
    ("sandbox", "bac à sable"),
    ("check", "contrôle"),
    ("checks", "contrôles"),
    ("hint", "indice"),
    ("hints", "indices"),
    ("node", "nœud"),
    ("nodes", "nœuds"),
];

/// Unaccented words, and the accented ones that were meant.
static UNACCENTED: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for word in ACCENTED.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic)) {
        let plain = unaccented(word);
        if plain != word && !NEVER.contains(&plain.as_str()) {
            // Of two words that lose their difference, the one listed first is meant more often.
            words.entry(plain).or_insert(word);
        }
    }
    words
});

/// The words that are right as they stand.
static RIGHT: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ACCENTED.split_whitespace().collect());

/// Returns the word that was meant by one typed without its accents, or without some of them, in the same case.
pub(super) fn accented(word: &str) -> Option<String> {
    // Names of objects (`Role`) and constants are not words.
    if word.chars().skip(1).any(char::is_uppercase) || word == "Role" || word == "Roles" {
        return None;
    }
    let lower = word.to_lowercase();
    let right = |word: &str| RIGHT.contains(word);
    if right(&lower) || lower.strip_suffix('s').is_some_and(right) {
        return None;
    }
    let find = |lower: &str| {
        let meant = *UNACCENTED.get(&unaccented(lower))?;
        (lower.is_ascii() || lacks_an_inner_accent(lower, meant)).then(|| meant.to_owned())
    };
    let meant =
        find(&lower).or_else(|| lower.strip_suffix('s').and_then(find).map(|singular| format!("{singular}s")))?;
    let mut letters = meant.chars();
    match (word.starts_with(char::is_uppercase), letters.next()) {
        (true, Some(first)) => Some(first.to_uppercase().chain(letters).collect()),
        (true, None) | (false, _) => Some(meant),
    }
}

/// Returns whether `word` is `meant` without some of its accents. Those of an ending do not count: a participle and
/// a present tense differ by them.
fn lacks_an_inner_accent(word: &str, meant: &str) -> bool {
    let stem = meant.trim_end_matches(['e', 'é']).chars().count();
    let pairs = || word.chars().zip(meant.chars()).take(stem);
    word.chars().count() == meant.chars().count()
        && pairs().any(|(written, meant)| written != meant)
        && pairs().all(|(written, meant)| written == meant || written.is_ascii())
}

/// Returns what the house says instead of a word.
pub(super) fn instead_of(word: &str) -> Option<&'static str> {
    let capital = word.chars().next().is_some_and(char::is_uppercase);
    let lower = word.to_lowercase();
    // `Pod`, `Namespace` and `Node` with a capital name the objects.
    let found = NOT_USED.iter().find(|(not_used, _)| *not_used == lower)?.1;
    (!capital || found != capitalised(&lower) && !lower.starts_with("node")).then_some(found)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns a French word without its accents and ligatures.
fn unaccented(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            'à' | 'â' | 'ä' => plain.push('a'),
            'é' | 'è' | 'ê' | 'ë' => plain.push('e'),
            'î' | 'ï' => plain.push('i'),
            'ô' | 'ö' => plain.push('o'),
            'ù' | 'û' | 'ü' => plain.push('u'),
            'ç' => plain.push('c'),
            'œ' => plain.push_str("oe"),
            'æ' => plain.push_str("ae"),
            other => plain.push(other),
        }
    }
    plain
}
